//! Facts and resource use of the process, under the names that Prometheus clients use in every language.

use std::fmt;
use std::fs;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use super::version::{COMMIT, VERSION};
use mfa_gateway_core::clock::Clock;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
    commit: &'static str,
}

/// Registers the metrics of the build and the process. `root` has no prefix.
pub(crate) fn register(root: &mut Registry) {
    root.register_collector(Box::new(Process { started: Clock::system().now().as_secs() }));
    // A gauge, and not an `info`: parsers of Prometheus's older format refuse a whole scrape for a type they don't know.
    let build = Family::<BuildLabels, Gauge>::default();
    build.get_or_create_owned(&BuildLabels { version: VERSION, commit: COMMIT }).set(1);
    root.register("mfa_gateway_build_info", "The running version, and the commit that it is built from", build);
}

/// Reads the process's state on demand, from `/proc`. Without `/proc`, only the start is known.
#[derive(Debug)]
struct Process {
    started: i64,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let all = [
            ("process_start_time_seconds", "Start time of the process, in seconds since 1970", Some(self.started)),
            ("process_open_fds", "Open file descriptors", open_descriptors()),
            ("process_max_fds", "Maximum number of open file descriptors", max_descriptors()),
            ("process_resident_memory_bytes", "Resident memory, in bytes", resident_bytes()),
        ];
        for (name, help, value) in all {
            let Some(value) = value else { continue };
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        if let Some(seconds) = cpu_seconds() {
            let help = "Time that the process's threads spent on a processor, in seconds";
            let descriptor = encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
            ConstCounter::new(seconds).encode(descriptor)?;
        }
        Ok(())
    }
}

/// The unit in which the kernel shows user space this time, in milliseconds, on every architecture but Alpha.
const TICK_MILLIS: u64 = 10;

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program comes second, in parentheses, and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let (user, system) = (ticks()?, ticks()?);
    let millis = user.checked_add(system)?.checked_mul(TICK_MILLIS)?;
    Some(Duration::from_millis(millis).as_secs_f64())
}

fn open_descriptors() -> Option<i64> {
    // The directory being read is itself one of them.
    let open = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    i64::try_from(open).ok()
}

fn max_descriptors() -> Option<i64> {
    let (soft, _) = rlimit::Resource::NOFILE.get().ok()?;
    i64::try_from(soft).ok()
}

fn resident_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn work_costs_time_on_a_processor() {
        let (before, start) = (cpu_seconds().unwrap(), Instant::now());
        while cpu_seconds().unwrap() < before + 0.05 {
            assert!(start.elapsed() < Duration::from_secs(20));
        }
    }
}
