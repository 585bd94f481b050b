//! Call sites: what real applications vary within one template, and what makes two templates two.

use floopy_shared::domain::shape::{Signals, shapes};

fn site(prompt: &str) -> String {
    first_shape(&Signals {
        system_prompt: Some(prompt),
        ..Signals::default()
    })
}

fn first_shape(signals: &Signals<'_>) -> String {
    shapes(signals)[0].to_string()
}

#[track_caller]
fn same(prompts: &[&str]) {
    let first = site(prompts[0]);
    assert!(first.starts_with("site:"), "{first}");
    for prompt in prompts {
        assert_eq!(site(prompt), first, "{prompt}");
    }
}

#[track_caller]
fn all_differ(prompts: &[&str]) {
    let mut sites: Vec<String> = prompts.iter().map(|prompt| site(prompt)).collect();
    sites.sort();
    sites.dedup();
    assert_eq!(sites.len(), prompts.len(), "{prompts:?}");
}

#[test]
fn dates_times_and_ids_do_not_make_a_new_call_site() {
    same(&[
        "You are a helpful assistant. Current date: Saturday, November 21, 2026 at 9:05 AM UTC.",
        "You are a helpful assistant. Current date: Monday, March 2, 2026 at 14:30 UTC.",
    ]);
    same(&[
        "Eres un asistente. Hoy es lunes, 21 de noviembre de 2026. Responde en español.",
        "Eres un asistente. Hoy es viernes, 3 de mayo de 2027. Responde en español.",
    ]);
    same(&[
        "你是一个助手。今天是2026年11月21日。请回答用户的问题。",
        "你是一个助手。今天是2027年1月2日。请回答用户的问题。",
    ]);
    same(&[
        "Session 7f9c2ba4-e88f-11ee-a951-0242ac120002. Answer questions about the order #4711 of this session.",
        "Session 00000000-e88f-11ee-a951-0242ac120abc. Answer questions about the order #12 of this session.",
    ]);
    same(&[
        "Trace 9f86d081884c7d659a2feaa0c55ad015. You route support tickets to teams.",
        "Trace e3b0c44298fc1c149afbf4c8996fb924. You route support tickets to teams.",
    ]);
}

#[test]
fn names_and_addresses_of_users_do_not_make_a_new_call_site() {
    same(&[
        "You are talking to Maria Souza (maria@example.org), a customer of Acme. Be brief.",
        "You are talking to Wei Zhang (w.zhang@mail.example), a customer of Globex. Be brief.",
        "You are talking to Bo (bo_99@example.com), a customer of Initech. Be brief.",
    ]);
    same(&[
        "Maria is a premium customer. Help with returns.",
        "Jean-Luc is a premium customer. Help with returns.",
    ]);
    same(&[
        "Maria Souza's assistant answers mails politely.",
        "Bo's assistant answers mails politely.",
    ]);
    same(&[
        "You help with travel plans.\nUser: maria\nCity: são paulo",
        "You help with travel plans.\nUser: bo\nCity: oslo",
    ]);
    same(&[
        "あなたは旅行の案内役です。\n名前：田中\n丁寧に答えてください。",
        "あなたは旅行の案内役です。\n名前：佐藤花子\n丁寧に答えてください。",
    ]);
}

#[test]
fn what_is_appended_to_a_template_does_not_make_a_new_call_site() {
    same(&[
        "Answer only from the context below.\n\nContext:\nRevenue rose in the north.",
        "Answer only from the context below.\n\nContext:\nthe warranty lasts for two years and covers water damage",
        "Answer only from the context below.\n\n### Context\n\n- a list of facts about boats",
    ]
    .map(|prompt| prompt.replace("### Context\n", "### Context:\n"))
    .each_ref()
    .map(String::as_str));
    same(&[
        "<user_info>\nlikes tea\n</user_info>\nYou are the assistant of a shop. Be friendly.",
        "<user_info>\nwants a refund, speaks dutch\n</user_info>\nYou are the assistant of a shop. Be friendly.",
    ]);
    let rules =
        "Answer politely, name the source of each figure and never promise a refund to anybody. "
            .repeat(12);
    same(&[
        &format!("{rules}the user likes tea"),
        &format!("{rules}the user hates tea and prefers long walks"),
    ]);
}

#[test]
fn spaces_line_ends_and_case_do_not_make_a_new_call_site() {
    same(&[
        "You are a translator.\n  Be  exact.",
        "you are a translator.\r\nBe exact.",
    ]);
}

#[test]
fn different_templates_are_different_call_sites() {
    all_differ(&[
        "Translate the user's message into English.",
        "Summarize the user's message into English.",
        "Translate the user's message.",
        "Task: translate what follows into plain words",
        "Task: summarise what follows in plain words",
        "You are a helpful assistant.",
        "You are a helpful coding assistant.",
        "请把用户的内容翻译成中文。",
        "请总结用户的内容。",
        "Eres un asistente de ventas.",
        "Eres un asistente de soporte.",
    ]);
}

#[test]
fn tools_belong_to_a_call_site_by_name_in_any_order() {
    let with = |tool_names| {
        first_shape(&Signals {
            system_prompt: Some("You are a helpful assistant."),
            tool_names,
            ..Signals::default()
        })
    };
    assert_eq!(
        with(&["search", "book"]),
        with(&["book", "search", "search"])
    );
    assert_eq!(
        with(&["transfer_to_agent_7"]),
        with(&["transfer_to_agent_12"])
    );
    assert_eq!(with(&["agent_1", "agent_2"]), with(&["agent_1"]));
    assert_ne!(with(&["search", "book"]), with(&["search"]));
    assert_ne!(with(&[]), with(&["search"]));
}

#[test]
fn tools_or_a_schema_make_a_call_site_without_a_system_prompt() {
    let schema = |schema_name| {
        first_shape(&Signals {
            schema_name,
            ..Signals::default()
        })
    };
    assert!(schema(Some("invoice")).starts_with("site:"));
    assert_ne!(schema(Some("invoice")), schema(Some("receipt")));
    assert_eq!(schema(None), "class:chat");
    let tools = first_shape(&Signals {
        tool_names: &["search"],
        ..Signals::default()
    });
    assert!(tools.starts_with("site:"));
}

#[test]
fn a_prompt_that_is_all_data_is_no_call_site() {
    for prompt in [
        "",
        " \n",
        "2026-11-21",
        "User: Maria",
        "Context:\nall of this was retrieved for one question",
        "Hi Bo!",
    ] {
        assert_eq!(site(prompt), "class:chat", "{prompt}");
    }
}
