//! What a process has used, from `/proc`: `process` is a number, or `self`.

use crate::commands::Failure;

/// User and system time so far, in seconds; Linux counts it in hundredths of one.
pub fn cpu_seconds(process: &str) -> Result<f64, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The command's name, in parentheses, may hold blanks; fields 14 and 15 are counted from behind it.
    let (_, fields) = stat.rsplit_once(") ").ok_or("an unreadable /proc entry")?;
    let ticks: u64 = fields.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(ticks as f64 / 100.0)
}

/// The most memory that it ever held, in bytes.
pub fn peak_bytes(process: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in status")?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024)
}
