//! Containers that are a step on the way to something else: each says who made it, so that what a process that died
//! left behind is known from what another is about to use.

use std::{collections::HashMap, time::Duration};

use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder};

use super::engine::{Engine, failed, is_status};
use crate::sandbox::{ProcessId, SandboxError};

/// Of such a container.
pub(in crate::sandbox) const LABEL: &str = "agentscope.maker";

/// Of one whose maker cannot be looked for, as it was on another machine: no step takes so long.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Where process ids mean the same: the machine, since it started, and the namespace.
fn place() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), namespace.display()))
}

/// This process.
pub(crate) fn this() -> String {
    let process = i32::try_from(std::process::id()).ok().and_then(ProcessId::of);
    match (place(), process) {
        (Some(place), Some(process)) => format!("{place} {} {}", process.pid, process.started),
        _ => "elsewhere".to_owned(),
    }
}

/// Whether the maker of a container has certainly ended.
pub(crate) fn is_gone(maker: &str, age: Duration) -> bool {
    let here = place().and_then(|place| maker.strip_prefix(&place).map(str::to_owned));
    let process = here.and_then(|numbers| {
        let (pid, started) = numbers.trim().split_once(' ')?;
        Some(ProcessId { pid: pid.parse().ok()?, started: started.parse().ok()? })
    });
    match process {
        Some(process) => !process.alive(),
        None => age > LONGEST,
    }
}

/// Removes the containers whose makers have ended.
pub(super) async fn sweep(engine: &Engine) -> Result<(), SandboxError> {
    let filters = HashMap::from([("label".to_owned(), vec![LABEL.to_owned()])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let listed = engine.docker.list_containers(Some(options)).await.map_err(failed("list containers"))?;
    for container in listed {
        let Some(maker) = container.labels.as_ref().and_then(|labels| labels.get(LABEL)) else { continue };
        let Some(id) = container.id.as_deref().filter(|_| is_gone(maker, age(container.created))) else { continue };
        remove(engine, id).await?;
    }
    Ok(())
}

/// Removes a container; one that is not there any more is removed.
pub(in crate::sandbox) async fn remove(engine: &Engine, container: &str) -> Result<(), SandboxError> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    match engine.docker.remove_container(container, Some(options)).await {
        Err(error) if !is_status(&error, 404) && !is_status(&error, 409) => {
            Err(failed(format!("remove the container `{container}`"))(error))
        }
        _ => Ok(()),
    }
}

/// Since `created`, in seconds since 1970 of the engine's clock.
pub(super) fn age(created: Option<i64>) -> Duration {
    let now = jiff::Timestamp::now().as_second();
    Duration::from_secs(u64::try_from(now - created.unwrap_or(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lives_is_not_gone_and_who_cannot_be_seen_is_given_time() {
        assert!(!is_gone(&this(), LONGEST * 2));
        assert!(is_gone(&format!("{} 2147483647 1", place().unwrap()), Duration::ZERO));
        assert!(!is_gone("another-machine pid:[1] 1 1", Duration::ZERO));
        assert!(is_gone("another-machine pid:[1] 1 1", LONGEST * 2));
    }
}
