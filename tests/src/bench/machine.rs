//! What the machine says: of a process, its time on the processor and its memory; of itself, what it is.

use std::{fs, process::Command, time::Duration};

/// The kernel counts processor time in hundredths of a second (`USER_HZ`, the same on every Linux).
const TICK: Duration = Duration::from_millis(10);

/// Processor time of a process, all of its threads and both modes together.
pub fn cpu_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let (_, after_name) = stat.rsplit_once(')').expect("a name");
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |index: usize| fields[index].parse::<u32>().expect("a number");
    // The 14th and 15th field of the line, of which two came before the name's end.
    TICK * (ticks(11) + ticks(12))
}

/// Resident memory of a process in KiB, now and at its peak.
pub fn memory_kib(pid: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        line.and_then(|l| l.split_whitespace().nth(1)?.parse().ok())
            .unwrap_or(0)
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// KiB as MiB.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// Processors of this machine.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

/// Keeps a process, with all the threads it has now, on these processors.
pub fn pin(pid: u32, cpus: &str) {
    let pid = pid.to_string();
    let pinned = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", cpus, &pid])
        .output();
    let pinned = pinned.expect("taskset is there");
    assert!(pinned.status.success(), "taskset: {pinned:?}");
}

/// Processor, cores, memory and kernel in one line.
pub fn description() -> String {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|l| l.split_once(':'))
            .map_or("unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let memory_kib: u64 = field("/proc/meminfo", "MemTotal")
        .trim_end_matches(" kB")
        .parse()
        .unwrap_or(0);
    format!(
        "{}, {} cores, {:.0} GiB, Linux {}",
        field("/proc/cpuinfo", "model name"),
        cores(),
        mib(memory_kib) / 1024.0,
        fs::read_to_string("/proc/sys/kernel/osrelease")
            .unwrap_or_default()
            .trim(),
    )
}

/// The commit that was measured, marked where the tree differs from it.
pub fn commit() -> String {
    let described = Command::new("git")
        .args(["describe", "--always", "--dirty", "--exclude", "*"])
        .output();
    match described {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        Ok(_) | Err(_) => "unknown".to_owned(),
    }
}
