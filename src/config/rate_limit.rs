//! Rate limits, from the file to what is used.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::time::Duration;

use super::file;
use super::problem::Problems;
use super::values::{name, optional_duration};
use crate::gateway::{RateLimitKey, RateLimitSettings};

pub(super) fn build(files: Vec<file::RateLimit>, problems: &mut Problems<'_>) -> Vec<RateLimitSettings> {
    let mut names = HashSet::new();
    let mut limits = Vec::new();
    for (at, file) in files.into_iter().enumerate() {
        let path = format!("rate_limits[{at}]");
        name(&path, &file.name, problems);
        if !names.insert(file.name.clone()) {
            let message = "another rate limit has this name";
            problems.add(&format!("{path}.name"), message, "give each rate limit its own name");
        }
        let per = optional_duration(&format!("{path}.per"), Some(&file.per), problems);
        let burst = file.burst.unwrap_or(file.requests);
        for (field, number) in [("requests", file.requests), ("burst", file.burst.unwrap_or(1))] {
            if number == 0 {
                let fix = "write 1 or more; to close a path, remove its route";
                problems.add(&format!("{path}.{field}"), "the rate limit would refuse every request", fix);
            }
        }
        let (Some(per), Some(requests), Some(burst)) = (per, NonZeroU32::new(file.requests), NonZeroU32::new(burst))
        else {
            continue;
        };
        let interval = per / requests.get();
        if per > Duration::from_secs(31 * 86_400) || interval.is_zero() && !per.is_zero() {
            let message = "the duration is too long, or too short for this number of requests";
            problems.add(&format!("{path}.per"), message, "write a duration from `1s` to `31days`");
        }
        let key = match file.key {
            file::RateLimitKey::Application => RateLimitKey::Application,
            file::RateLimitKey::User => RateLimitKey::User,
            file::RateLimitKey::Tenant => RateLimitKey::Tenant,
            file::RateLimitKey::Address => RateLimitKey::Address,
        };
        limits.push(RateLimitSettings { name: file.name, interval, burst, key });
    }
    limits
}
