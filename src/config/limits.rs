//! Limits and deadlines: each section of the file is read here, and several components take what concerns them.

use std::time::Duration;

use super::problem::Problems;
use super::values::{body_bytes, duration, optional_duration};
use super::{Drain, file};

/// The section `limits`.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) header_bytes: usize,
    pub(super) headers: usize,
    pub(super) url_bytes: usize,
    pub(super) token_bytes: usize,
    pub(super) body_bytes: Option<u64>,
    pub(super) connections: usize,
    pub(super) connections_per_address: Option<usize>,
    pub(super) requests: usize,
    pub(super) streams: u32,
    pub(super) pending_resets: usize,
    pub(super) stream_errors: usize,
}

/// The section `timeouts`.
#[derive(Debug)]
pub(super) struct Timeouts {
    pub(super) header: Duration,
    pub(super) idle: Duration,
    pub(super) body: Duration,
    pub(super) half_closed: Duration,
    pub(super) connection_age: Option<Duration>,
    pub(super) drain: Drain,
}

impl Limits {
    pub(super) fn read(file: &file::Limits, problems: &mut Problems<'_>) -> Self {
        let body_bytes = body_bytes("limits.body_bytes", file.body_bytes, problems);
        let mut within = |field: &str, value: Option<usize>, default: usize, low: usize, high: usize| {
            let value = value.unwrap_or(default);
            if !(low..=high).contains(&value) {
                let message = format!("{value} is out of range");
                problems.add(&format!("limits.{field}"), message, format!("write a number from {low} to {high}"));
            }
            value
        };
        let size = |value: Option<u32>| value.map(|value| value as usize);
        let limits = Self {
            header_bytes: within("header_bytes", size(file.header_bytes), 32 << 10, 8 << 10, 1 << 20),
            headers: within("headers", file.headers.map(usize::from), 100, 10, 1000),
            url_bytes: within("url_bytes", file.url_bytes.map(usize::from), 8 << 10, 256, 60_000),
            token_bytes: within("token_bytes", size(file.token_bytes), 16 << 10, 1 << 10, 1 << 20),
            body_bytes,
            connections: within("connections", size(file.connections), 10_000, 1, 10_000_000),
            connections_per_address: Some(size(file.connections_per_address).unwrap_or(1000)).filter(|most| *most > 0),
            requests: within("requests", size(file.requests), 10_000, 1, 10_000_000),
            streams: u32::from(file.streams.unwrap_or(100).max(1)),
            pending_resets: within("http2.pending_resets", file.http2.pending_resets.map(usize::from), 20, 1, 10_000),
            stream_errors: within("http2.stream_errors", file.http2.stream_errors.map(usize::from), 1024, 1, 65_535),
        };
        if file.token_bytes.is_some() && limits.token_bytes > limits.header_bytes {
            let message =
                format!("a token of this size doesn't fit into a header section of {} bytes", limits.header_bytes);
            problems.add("limits.token_bytes", message, "lower it, or raise `limits.header_bytes`");
        }
        limits
    }
}

impl Timeouts {
    pub(super) fn read(file: &file::Timeouts, problems: &mut Problems<'_>) -> Self {
        let age = file.connection_age.as_deref();
        let connection_age = optional_duration("timeouts.connection_age", age, problems);
        let mut time = |field: &str, value: Option<&String>, default| {
            duration(&format!("timeouts.{field}"), value.map(String::as_str), Duration::from_secs(default), problems)
        };
        Self {
            connection_age,
            header: time("header", file.header.as_ref(), 10),
            idle: time("idle", file.idle.as_ref(), 75),
            body: time("body", file.body.as_ref(), 60),
            half_closed: time("half_closed", file.half_closed.as_ref(), 1),
            drain: Drain {
                deadline: time("drain", file.drain.as_ref(), 30),
                delay: time("drain_delay", file.drain_delay.as_ref(), 0),
            },
        }
    }
}
