//! The sentences in Spanish.

use super::{
    CacheTier, Explanation, Level, Locale, NoRouter, Ranked, RuleChoice, Stability,
    number::{decimal, integer, percent},
};
use crate::domain::{ids::CandidateKey, shape::ROOT};

const LOCALE: Locale = Locale::Es;

fn name(key: &Option<CandidateKey>) -> &str {
    key.as_ref().map_or("ningún modelo", CandidateKey::as_str)
}

pub(super) fn text(explanation: &Explanation) -> String {
    match explanation {
        Explanation::CacheHit { tier, model } => cached(*tier, name(model)),
        Explanation::FallbackOnly { served, filtered } => format!(
            "Todos los candidatos con tráfico fueron filtrados ({} en total), por lo que {} respondió por defecto.",
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
            "{}{} es el candidato más barato que mantiene la calidad de la referencia ({}).",
            by_rule(rule),
            name(served),
            name(baseline)
        ),
        Explanation::SmartCostKeptDefault { served, rule } => format!(
            "{}ningún candidato más barato mantiene la calidad de la referencia, por lo que {} siguió respondiendo.",
            by_rule(rule),
            name(served)
        ),
        Explanation::Explored {
            served,
            probability,
        } => format!(
            "{} se está probando junto al modelo líder y salió sorteado con una probabilidad del {}.",
            name(served),
            percent(LOCALE, *probability)
        ),
        Explanation::ConstraintFiltered { served, filtered } => format!(
            "Ningún otro candidato cumple las restricciones (filtrados: {}), por lo que respondió el modelo de referencia {}.",
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
            "El firewall consideró insegura la solicitud, por lo que no se llamó a ningún modelo."
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
        "Aún no hay certeza suficiente de que otro candidato sea igual de bueno{}, por lo que respondió el modelo de referencia {}.",
        confidence.map_or_else(String::new, |c| format!(
            " (confianza {})",
            decimal(LOCALE, c, 2)
        )),
        served
    )
}

fn shadow(tried: &str, shadow_of: Option<uuid::Uuid>) -> String {
    format!(
        "Se envió una copia de la solicitud {} a {} para aprender qué tal lo hace; nadie vio la respuesta.",
        shadow_of.map_or_else(|| "desconocida".to_owned(), |id| id.to_string()),
        tried
    )
}

fn by_rule(rule: &Option<String>) -> String {
    match rule {
        Some(rule) => format!("Según la regla \"{rule}\": "),
        None => "Según el orden de la solicitud: ".to_owned(),
    }
}

fn cached(tier: CacheTier, model: &str) -> String {
    let cache = match tier {
        CacheTier::Exact => "exacta",
        CacheTier::Semantic => "semántica",
        CacheTier::Advanced => "avanzada",
    };
    format!(
        "Una respuesta guardada de {model} salió de la caché {cache}; no intervino el enrutador."
    )
}

fn no_router(served: &str, cause: NoRouter) -> String {
    match cause {
        NoRouter::NamedModel => format!(
            "La solicitud indicaba el modelo, por lo que respondió {served}; no hubo enrutamiento."
        ),
        NoRouter::Passthrough => {
            format!("La solicitud se reenvió a {served} tal como llegó; no hubo enrutamiento.")
        }
        NoRouter::SingleCandidate => {
            format!("{served} era el único candidato, por lo que no había nada que elegir.")
        }
        NoRouter::ToolLoop => format!(
            "{served} siguió respondiendo porque la solicitud trae resultados de herramientas llamadas en esta conversación."
        ),
        NoRouter::ProviderContent => format!(
            "{served} siguió respondiendo porque la conversación tiene contenido que ningún otro proveedor puede leer."
        ),
        NoRouter::NoRanking => {
            format!("Respondió {served}; aún no se sabe qué modelo hace esto mejor.")
        }
        NoRouter::Refused => {
            "La solicitud se rechazó antes de consultar a ningún modelo.".to_owned()
        }
    }
}

fn fallback(chosen: &Option<CandidateKey>, served: &Option<CandidateKey>, attempts: u64) -> String {
    let attempts = integer(LOCALE, attempts);
    match (chosen, served) {
        (Some(chosen), Some(served)) => format!(
            "Se eligió {chosen}, pero falló; {served} tomó el relevo y respondió (intentos: {attempts})."
        ),
        (Some(chosen), None) => format!(
            "Se eligió {chosen}, pero fallaron todos los intentos, por lo que no hubo respuesta (intentos: {attempts})."
        ),
        (None, Some(served)) => format!(
            "El modelo elegido falló; {served} tomó el relevo y respondió (intentos: {attempts})."
        ),
        (None, None) => format!(
            "Fallaron todos los intentos, por lo que no hubo respuesta (intentos: {attempts})."
        ),
    }
}

fn chosen(choice: RuleChoice) -> String {
    match choice {
        RuleChoice::First => "es el primero de los modelos utilizables".to_owned(),
        RuleChoice::Drawn { probability } => format!(
            "salió sorteado para esta sesión con una probabilidad del {}",
            percent(LOCALE, probability)
        ),
        RuleChoice::FirstByte => "era el que debía empezar a responder antes".to_owned(),
    }
}

fn ranked(facts: &Ranked) -> String {
    let (served, shape) = (name(&facts.served), shape(facts));
    let lead = match facts.kept_warm_tokens {
        None if facts.is_ahead() => format!("{served} lidera {shape}"),
        None => format!("{served} es la primera opción para {shape}"),
        Some(tokens) => format!(
            "{served} siguió respondiendo porque cambiar de candidato no compensa perder una caché de prompt de {} tokens; la primera opción para {shape}",
            integer(LOCALE, tokens)
        ),
    };
    let distance = decimal(LOCALE, facts.top2_score_gap.abs(), 3);
    let gap = if facts.is_ahead() {
        format!("{distance} por delante del siguiente candidato")
    } else {
        format!("{distance} por debajo de la mejor calidad, como el objetivo permite")
    };
    let replies = match facts.samples {
        1 => "1 respuesta evaluada".to_owned(),
        samples => format!("{} respuestas evaluadas", integer(LOCALE, samples)),
    };
    let stability = match Stability::of(facts.outcome_variance) {
        Stability::Stable => "resultados estables",
        Stability::Mixed => "resultados variados",
        Stability::Volatile => "resultados inestables",
    };
    let level = match Level::of(facts.confidence) {
        Level::High => "alta",
        Level::Moderate => "moderada",
        Level::Low => "baja",
    };
    let confidence = facts
        .confidence
        .map(|c| format!(" ({})", decimal(LOCALE, c, 2)));
    format!(
        "{lead}: {replies}, {gap}, {stability}; la confianza es {level}{}.",
        confidence.unwrap_or_default()
    )
}

fn shape(facts: &Ranked) -> String {
    match facts.task_shape.as_str() {
        ROOT => "todas las tareas".to_owned(),
        shape => format!("el tipo de tarea {shape}"),
    }
}
