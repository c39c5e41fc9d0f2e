//! What this process holds of the machine's memory (Linux; 0 elsewhere).

/// How many bytes it holds now.
pub fn resident() -> u64 {
    status("VmRSS:")
}

/// The most it has held, in bytes.
pub fn peak() -> u64 {
    status("VmHWM:")
}

fn status(field: &str) -> u64 {
    let figure = || {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find(|line| line.starts_with(field))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    figure().map_or(0, |kib| kib * 1024)
}
