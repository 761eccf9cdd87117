//! Real peers that a machine may lack. A test that needs one is skipped by name, and fails instead where
//! `AGENTSCOPE_REQUIRE` lists it.

/// Whether `peer` can be used; `found` says so. Prints the skip, or panics where the peer is required.
#[must_use]
pub fn available(peer: &str, found: bool) -> bool {
    let required = std::env::var("AGENTSCOPE_REQUIRE").unwrap_or_default();
    assert!(
        found || !required.split(',').any(|name| name.trim() == peer),
        "`{peer}` is required by AGENTSCOPE_REQUIRE and not to be had"
    );
    if !found {
        eprintln!("skipped: `{peer}` is not to be had here");
    }
    found
}
