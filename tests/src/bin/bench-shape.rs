//! Times what finds a request's task shapes, and what spoke for its class: short texts and long ones, with and without a call site.

use std::{hint::black_box, time::Instant};

use floopy_shared::domain::{
    features::Features,
    shape::{Signals, call_site, chain, explain},
};
use floopy_tests::bench::report::{percentile, say};

const CALLS: usize = 50_000;
/// What a request may cost at the 99th percentile.
const TARGET_NS: f64 = 20_000.0;

fn main() {
    let texts = Texts::new();
    let names: Vec<&str> = texts.tools.iter().map(String::as_str).collect();
    let user = |user_text| Signals {
        user_text,
        ..Signals::default()
    };
    let agent = Signals {
        system_prompt: Some(&texts.system),
        tool_names: &names,
        first_user_text: &texts.page,
        features: Features {
            tools: true,
            ..Features::default()
        },
        ..user(&texts.book)
    };
    let start = Instant::now();
    black_box(explain(&user("the first words")));
    let micros = start.elapsed().as_micros();
    say(&format!(
        "shapes, the first call, which builds the lexicon: {micros} µs"
    ));
    let short = "Which of the two plans is cheaper if I travel about twice a month?";
    time("short message", &user(short));
    time("2 KiB of prose", &user(&texts.page));
    time("2 KiB of code", &user(&texts.code));
    time("2 KiB of Chinese", &user(&texts.han));
    time("2 KiB of Russian", &user(&texts.cyrillic));
    time("100 KiB of prose", &user(&texts.book));
    time("100 KiB, 8 KiB system prompt, 30 tools", &agent);
}

/// Prints the percentiles of one kind of request. Every call is timed alone, so that the machine's other work
/// shows in few of them.
fn time(name: &str, signals: &Signals<'_>) {
    let once = |_: usize| {
        let start = Instant::now();
        let signals = black_box(signals);
        let explained = explain(signals);
        black_box(chain(call_site(signals), explained.class));
        black_box(explained);
        start.elapsed().as_nanos() as f64
    };
    (0..CALLS / 10).for_each(|call| {
        black_box(once(call));
    });
    let mut ns: Vec<f64> = (0..CALLS).map(once).collect();
    ns.sort_by(f64::total_cmp);
    let (median, p99) = (percentile(&ns, 50), percentile(&ns, 99));
    let verdict = if p99 < TARGET_NS { "met" } else { "MISSED" };
    say(&format!(
        "shapes, {name:<40} median {median:>6.0} ns, p99 {p99:>6.0} ns of {CALLS} calls; target {TARGET_NS:.0} ns at \
         p99: {verdict}"
    ));
}

struct Texts {
    page: String,
    book: String,
    code: String,
    han: String,
    cyrillic: String,
    system: String,
    tools: Vec<String>,
}

impl Texts {
    fn new() -> Self {
        let prose = "The committee met on Tuesday, and after a long debate about costs, it put the decision off. ";
        let code =
            "    let total = items.iter().map(|item| item.price * item.count).sum::<u64>();\n";
        let rule =
            "Answer in the language of the customer, Name the source, and never promise a refund. ";
        Self {
            page: fill(prose, 2 << 10),
            book: fill(prose, 100 << 10),
            code: fill(code, 2 << 10),
            han: fill(
                "委员会周二开会，就费用问题进行了长时间的讨论之后，推迟了决定。",
                2 << 10,
            ),
            cyrillic: fill(
                "Комитет собрался во вторник и после долгих споров отложил решение. ",
                2 << 10,
            ),
            system: fill(rule, 8 << 10),
            tools: (0..30)
                .map(|n| format!("crm_lookup_record_of_kind_{n}"))
                .collect(),
        }
    }
}

fn fill(sentence: &str, bytes: usize) -> String {
    sentence.repeat(bytes.div_ceil(sentence.len()))
}
