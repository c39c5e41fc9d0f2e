//! What this process holds of the machine's memory, and how much that is (Linux; 0 elsewhere).

/// How many bytes it holds now.
pub fn resident() -> u64 {
    status("VmRSS:")
}

/// The most it has held, in bytes.
pub fn peak() -> u64 {
    status("VmHWM:")
}

/// How many bytes the machine has.
pub fn of_machine() -> u64 {
    figure("/proc/meminfo", "MemTotal:")
}

fn status(field: &str) -> u64 {
    figure("/proc/self/status", field)
}

fn figure(file: &str, field: &str) -> u64 {
    let figure = || {
        let status = std::fs::read_to_string(file).ok()?;
        let line = status.lines().find(|line| line.starts_with(field))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    figure().map_or(0, |kib| kib * 1024)
}
