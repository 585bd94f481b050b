//! The sentences in Portuguese.

use super::{
    CacheTier, Explanation, Level, Locale, NoRouter, Ranked, RuleChoice, Stability,
    number::{decimal, integer, percent},
};
use crate::domain::{ids::CandidateKey, shape::ROOT};

const LOCALE: Locale = Locale::Pt;

fn name(key: &Option<CandidateKey>) -> &str {
    key.as_ref().map_or("nenhum modelo", CandidateKey::as_str)
}

pub(super) fn text(explanation: &Explanation) -> String {
    match explanation {
        Explanation::CacheHit { tier, model } => cached(*tier, name(model)),
        Explanation::FallbackOnly { served, filtered } => format!(
            "Todos os candidatos com tráfego foram filtrados ({} no total), por isso {} respondeu como padrão.",
            integer(LOCALE, *filtered),
            name(served)
        ),
        Explanation::NoRouterInvoked { served, cause } => no_router(name(served), *cause),
        Explanation::FeedbackDrivenHighConfidence(facts)
        | Explanation::FeedbackDrivenModerateConfidence(facts)
        | Explanation::FeedbackDrivenLowConfidence(facts) => ranked(facts),
        Explanation::SmartCostSelected {
            served,
            baseline,
            rule,
        } => format!(
            "{}{} é o candidato mais barato que mantém a qualidade da referência ({}).",
            by_rule(rule),
            name(served),
            name(baseline)
        ),
        Explanation::SmartCostKeptDefault { served, rule } => format!(
            "{}nenhum candidato mais barato mantém a qualidade da referência, por isso {} continuou respondendo.",
            by_rule(rule),
            name(served)
        ),
        Explanation::Explored {
            served,
            probability,
        } => format!(
            "{} está sendo testado ao lado do modelo líder e foi sorteado com probabilidade de {}.",
            name(served),
            percent(LOCALE, *probability)
        ),
        Explanation::ConstraintFiltered { served, filtered } => format!(
            "Nenhum outro candidato cumpre as restrições (filtrados: {}), por isso o modelo de referência {} respondeu.",
            integer(LOCALE, *filtered),
            name(served)
        ),
        Explanation::LowConfidenceDefault { served, confidence } => {
            unsure(name(served), *confidence)
        }
        Explanation::ProviderFallback {
            chosen,
            served,
            attempts,
        } => fallback(chosen, served, *attempts),
        Explanation::FirewallBlocked {} => {
            "O firewall considerou a requisição insegura, por isso nenhum modelo foi chamado."
                .to_owned()
        }
        Explanation::ShadowOnly { tried, shadow_of } => shadow(name(tried), *shadow_of),
        Explanation::StaticRule {
            served,
            rule,
            choice,
        } => format!("{}{} {}.", by_rule(rule), name(served), chosen(*choice)),
    }
}

fn unsure(served: &str, confidence: Option<f64>) -> String {
    format!(
        "Ainda não há certeza suficiente de que outro candidato seja tão bom{}, por isso o modelo de referência {} respondeu.",
        confidence.map_or_else(String::new, |c| format!(
            " (confiança {})",
            decimal(LOCALE, c, 2)
        )),
        served
    )
}

fn shadow(tried: &str, shadow_of: Option<uuid::Uuid>) -> String {
    format!(
        "Uma cópia da requisição {} foi enviada a {} para aprender como ele se sai; a resposta não foi mostrada a ninguém.",
        shadow_of.map_or_else(|| "desconhecida".to_owned(), |id| id.to_string()),
        tried
    )
}

fn by_rule(rule: &Option<String>) -> String {
    match rule {
        Some(rule) => format!("Pela regra \"{rule}\": "),
        None => "Pela ordem da requisição: ".to_owned(),
    }
}

fn cached(tier: CacheTier, model: &str) -> String {
    let cache = match tier {
        CacheTier::Exact => "exato",
        CacheTier::Semantic => "semântico",
        CacheTier::Advanced => "avançado",
    };
    format!(
        "Uma resposta armazenada de {model} veio do cache {cache}; o roteador não foi acionado."
    )
}

fn no_router(served: &str, cause: NoRouter) -> String {
    match cause {
        NoRouter::NamedModel => format!(
            "A requisição indicou o modelo, por isso {served} respondeu; não houve roteamento."
        ),
        NoRouter::Passthrough => {
            format!(
                "A requisição foi encaminhada a {served} tal como chegou; não houve roteamento."
            )
        }
        NoRouter::SingleCandidate => {
            format!("{served} era o único candidato, por isso não havia o que escolher.")
        }
        NoRouter::ToolLoop => format!(
            "{served} continuou respondendo porque a requisição traz resultados de ferramentas chamadas nesta conversa."
        ),
        NoRouter::ProviderContent => format!(
            "{served} continuou respondendo porque a conversa tem conteúdo que nenhum outro provedor consegue ler."
        ),
        NoRouter::NoRanking => {
            format!("{served} respondeu; ainda não se sabe qual modelo faz isto melhor.")
        }
        NoRouter::Refused => {
            "A requisição foi recusada antes de qualquer modelo ser consultado.".to_owned()
        }
    }
}

fn fallback(chosen: &Option<CandidateKey>, served: &Option<CandidateKey>, attempts: u64) -> String {
    let attempts = integer(LOCALE, attempts);
    match (chosen, served) {
        (Some(chosen), Some(served)) => format!(
            "{chosen} foi escolhido, mas falhou; {served} assumiu e respondeu (tentativas: {attempts})."
        ),
        (Some(chosen), None) => format!(
            "{chosen} foi escolhido, mas todas as tentativas falharam, por isso não houve resposta (tentativas: {attempts})."
        ),
        (None, Some(served)) => format!(
            "O modelo escolhido falhou; {served} assumiu e respondeu (tentativas: {attempts})."
        ),
        (None, None) => format!(
            "Todas as tentativas falharam, por isso não houve resposta (tentativas: {attempts})."
        ),
    }
}

fn chosen(choice: RuleChoice) -> String {
    match choice {
        RuleChoice::First => "é o primeiro entre os modelos utilizáveis".to_owned(),
        RuleChoice::Drawn { probability } => format!(
            "foi sorteado para esta sessão com probabilidade de {}",
            percent(LOCALE, probability)
        ),
        RuleChoice::FirstByte => "era quem deveria começar a responder primeiro".to_owned(),
    }
}

fn ranked(facts: &Ranked) -> String {
    let (served, shape) = (name(&facts.served), shape(facts));
    let lead = match facts.kept_warm_tokens {
        None if facts.is_ahead() => format!("{served} lidera {shape}"),
        None => format!("{served} é a primeira escolha para {shape}"),
        Some(tokens) => format!(
            "{served} continuou respondendo porque trocar de candidato não compensa perder um cache de prompt de {} tokens; a primeira escolha para {shape}",
            integer(LOCALE, tokens)
        ),
    };
    let distance = decimal(LOCALE, facts.top2_score_gap.abs(), 3);
    let gap = if facts.is_ahead() {
        format!("{distance} à frente do próximo candidato")
    } else {
        format!("{distance} abaixo da melhor qualidade, como o objetivo permite")
    };
    let replies = match facts.samples {
        1 => "1 resposta avaliada".to_owned(),
        samples => format!("{} respostas avaliadas", integer(LOCALE, samples)),
    };
    let stability = match Stability::of(facts.outcome_variance) {
        Stability::Stable => "resultados estáveis",
        Stability::Mixed => "resultados variados",
        Stability::Volatile => "resultados instáveis",
    };
    let level = match Level::of(facts.confidence) {
        Level::High => "alta",
        Level::Moderate => "moderada",
        Level::Low => "baixa",
    };
    let confidence = facts
        .confidence
        .map(|c| format!(" ({})", decimal(LOCALE, c, 2)));
    format!(
        "{lead}: {replies}, {gap}, {stability}; a confiança é {level}{}.",
        confidence.unwrap_or_default()
    )
}

fn shape(facts: &Ranked) -> String {
    match facts.task_shape.as_str() {
        ROOT => "todas as tarefas".to_owned(),
        shape => format!("o tipo de tarefa {shape}"),
    }
}
