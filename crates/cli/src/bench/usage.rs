//! What processes have used, as the kernel's `/proc` tells it.

use std::fs;

use serde::Serialize;

/// Ticks of `/proc/PID/stat` in a second: the same on every Linux the product runs on.
const TICKS: f64 = 100.0;

/// The memory of a process, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Now.
    pub resident: u64,
    /// At most so far.
    pub peak: u64,
}

/// One line of `/proc/PID/stat`, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stat {
    name: String,
    parent: u32,
    own: u64,
    reaped: u64,
}

fn stat(text: &str) -> Option<Stat> {
    // The name stands in brackets and may hold anything, brackets too.
    let (before, after) = text.rsplit_once(')')?;
    let name = before.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = after.split_whitespace().collect();
    // The first field after the name is the third of the line, the state.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        name,
        parent: u32::try_from(number(4)?).ok()?,
        own: number(14)? + number(15)?,
        reaped: number(16)? + number(17)?,
    })
}

fn stat_of(pid: u32) -> Option<Stat> {
    stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

#[expect(clippy::cast_precision_loss, reason = "ticks of a benchmark are few")]
fn seconds(ticks: u64) -> f64 {
    ticks as f64 / TICKS
}

/// Seconds of CPU a process has used, all its threads together; none when it is not there.
pub fn cpu(pid: u32) -> Option<f64> {
    Some(seconds(stat_of(pid)?.own))
}

/// The memory of a process; none when it is not there.
pub fn memory(pid: u32) -> Option<Memory> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(Memory { resident: kilobytes(&text, "VmRSS")?, peak: kilobytes(&text, "VmHWM")? })
}

fn kilobytes(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    let number: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(number * 1024)
}

/// A PostgreSQL server on this machine, all its processes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cluster {
    parent: u32,
}

impl Cluster {
    /// The server one of whose processes works for `database`; none when that process is not on
    /// this machine, or not to be seen from here.
    pub fn of_backend(pid: u32, database: &str) -> Option<Self> {
        let title = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let title = String::from_utf8_lossy(&title);
        let backend = stat_of(pid)?;
        // A process of this number may be another one: its title says whom it works for.
        if backend.name != "postgres" || !title.contains(database) {
            return None;
        }
        let parent = backend.parent;
        (stat_of(parent)?.name == "postgres").then_some(Self { parent })
    }

    /// Seconds of CPU all its processes have used, those that ended included.
    pub fn cpu(self) -> Option<f64> {
        let parent = stat_of(self.parent)?;
        let mut ticks = parent.own + parent.reaped;
        for entry in fs::read_dir("/proc").ok()? {
            let name = entry.ok()?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            // Processes come and go while the list is read.
            if let Some(stat) = stat_of(pid)
                && stat.parent == self.parent
            {
                ticks += stat.own;
            }
        }
        Some(seconds(ticks))
    }
}

/// How often a SQLite write-ahead log was begun anew: the checkpoint sequence number of its head.
/// None where there is no log yet.
pub fn log_resets(log: &std::path::Path) -> Option<u32> {
    use std::io::Read as _;
    let mut head = [0_u8; 16];
    fs::File::open(log).ok()?.read_exact(&mut head).ok()?;
    let number: [u8; 4] = head.get(12..16)?.try_into().ok()?;
    Some(u32::from_be_bytes(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_process_calls_itself() {
        let line = "4711 (po)st (gres) S 17 1 1 0 -1 4 10 20 0 0 150 50 7 3 20 0 9 0 1 2 3";
        let read = stat(line).unwrap();
        assert_eq!(read, Stat { name: "po)st (gres".to_owned(), parent: 17, own: 200, reaped: 10 });
        assert_eq!(stat("4711 (x) S 17"), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(kilobytes(status, "VmHWM"), Some(2 << 20));
        assert_eq!(kilobytes(status, "VmRSS"), Some(1 << 20));
        assert_eq!(kilobytes(status, "VmSwap"), None);
    }

    #[test]
    fn this_process_uses_something_and_is_no_database() {
        let me = std::process::id();
        assert!(memory(me).unwrap().peak >= memory(me).unwrap().resident / 2);
        assert!(cpu(me).is_some());
        assert_eq!(Cluster::of_backend(me, ""), None);
    }
}
