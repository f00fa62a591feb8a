//! The trouble of the soak test, one after the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::world::{Figures, Surroundings, TRESPASSERS};
use crate::support::key_server::Reply;
use crate::support::{Process, Signer};

/// Makes trouble until the end, and leaves all well.
pub(super) async fn rage(process: Arc<Process>, around: Arc<Surroundings>, figures: Arc<Figures>, end: Instant) {
    let troubles = [
        ("key outages: closed", Reply::Closed),
        ("key outages: silent", Reply::Silent),
        ("key outages: garbage", Reply::json("<html>down</html>")),
        ("key outages: 500", Reply::status(500)),
        ("key outages: endless", Reply::Endless(1 << 16, Duration::ZERO)),
        ("key outages: no keys", Reply::json("{\"keys\":[]}")),
        ("key outages: nesting", Reply::json("[".repeat(500_000))),
    ];
    let mut rounds = 0;
    while Instant::now() + Duration::from_secs(14) < end {
        let (what, reply) = &troubles[rounds % troubles.len()];
        rounds += 1;
        around.keys.reply_all(reply);
        for _ in 0..3 {
            reload(&process, &around, &figures, rounds % 2 == 0).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        recover(&around);
        figures.event(what);
        rotate(&around, rounds).await;
        figures.event("key rotations");
        around.restart_upstream().await;
        figures.event("upstream restarts");
        reload(&process, &around, &figures, rounds % 2 == 1).await;
    }
    let trespassers = TRESPASSERS.load(Ordering::SeqCst);
    assert_eq!(trespassers, 0, "{trespassers} requests reached the upstream without MFA");
}

async fn reload(process: &Process, around: &Surroundings, figures: &Figures, other: bool) {
    let before = process.metric("mfa_gateway_config_reloads_total").await;
    process.write(&around.config(other));
    process.signal("HUP");
    let start = Instant::now();
    while process.metric("mfa_gateway_config_reloads_total").await <= before {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(start.elapsed() < Duration::from_secs(10), "a reload didn't happen: {}", process.log());
    }
    figures.event("reloads");
}

fn recover(around: &Surroundings) {
    let signers = around.signers.lock().unwrap();
    let signers: Vec<_> = signers.iter().collect();
    around.keys.recover(&signers);
}

/// Publishes a new key, signs with it once it must be known, and takes the old one back.
async fn rotate(around: &Surroundings, round: usize) {
    let signer = Signer::es256(&format!("key-{round}"));
    let published = {
        let mut signers = around.signers.lock().unwrap();
        let old = signers.pop().unwrap();
        signers.extend([signer, old]);
        let all: Vec<_> = signers.iter().collect();
        around.keys.recover(&all);
        signers.len()
    };
    assert_eq!(published, 2);
    tokio::time::sleep(Duration::from_secs(3)).await;
    around.signers.lock().unwrap().swap(0, 1);
    around.mint();
    tokio::time::sleep(Duration::from_millis(500)).await;
    // Tokens of the old key are in nobody's hands any more.
    drop(around.signers.lock().unwrap().remove(0));
    recover(around);
}
