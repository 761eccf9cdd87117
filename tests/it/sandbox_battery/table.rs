//! All scripts, in boxes of each backend and outside.

use std::{collections::BTreeMap, sync::Mutex};

use agentscope::sandbox::prove::{ATTEMPTS, Stage, Verdict};

use super::{TIERS, outside, staged, tally::Tally};
use crate::common::{
    local::{Who, as_each},
    require,
};

/// As found in tier A: the threads of tier B are restricted themselves.
static OUTSIDE: Mutex<BTreeMap<(bool, &str), Verdict>> = Mutex::new(BTreeMap::new());

#[test]
fn no_attempt_gets_out_of_a_local_box() {
    let python = std::path::Path::new("/usr/bin/python3").exists();
    let _ = require::available("python3 in /usr/bin", python);
    as_each(TIERS, move |who, tier| async move {
        let mut stage = Stage::set().unwrap();
        let (local, target) = staged(&stage).await;
        assert_eq!(local.tier, tier);
        let mut tally = Tally::of(format!("local, tier {tier}, {who:?}"));
        for attempt in ATTEMPTS {
            let inside = attempt.make(&local.client, &mut stage, &target).await.unwrap();
            let inside = inside.outside(attempt, stage.workspace_changed().as_deref());
            let key = (who == Who::Root, attempt.name);
            let known = OUTSIDE.lock().unwrap().get(&key).cloned();
            let control = known.unwrap_or_else(|| outside::attempt(attempt, &mut stage, &target));
            tally.add(attempt, inside, Some(&control));
            OUTSIDE.lock().unwrap().insert(key, control);
        }
        // The box still answers.
        assert_eq!(local.said("echo there").await, "there\n(0)");
        local.stop().await;
        if python {
            tally.check(if who == Who::Root { 44 } else { 25 });
            assert_eq!(tally.skipped(), 0);
        }
    });
}
