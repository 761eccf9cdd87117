//! How the permissions of an agent bind those that work for it.

use crate::config::agent_file::{PermissionDefault, Permissions, Unattended};

/// The permissions of an agent that works for `leader`: whatever the leader refuses or asks about is refused and asked
/// about here too, and what the agent itself says can only add to that. What the leader allows, it allows itself.
#[must_use]
pub fn under(leader: &Permissions, own: &Permissions) -> Permissions {
    Permissions {
        allow: own.allow.clone(),
        ask: [leader.ask.as_slice(), &own.ask].concat(),
        deny: [leader.deny.as_slice(), &own.deny].concat(),
        default: own.default.max(leader.default.filter(|default| *default > PermissionDefault::Allow)),
        unattended: match leader.unattended {
            Some(Unattended::Allow) => own.unattended.or(leader.unattended),
            Some(Unattended::Deny) | None => Some(Unattended::Deny),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions(yaml: &str) -> Permissions {
        serde_json::from_str(yaml).unwrap()
    }

    #[test]
    fn the_stricter_holds() {
        let both = |leader: &str, own: &str| {
            let Permissions { allow, ask, deny, default, unattended } = under(&permissions(leader), &permissions(own));
            format!("allow {allow:?} ask {ask:?} deny {deny:?} default {default:?} unattended {unattended:?}")
        };
        let rules = r#"{"allow": ["a"], "ask": ["b"], "deny": ["c"]}"#;
        let own = r#"{"allow": ["d"], "ask": ["e"], "deny": ["f"], "default": "allow", "unattended": "allow"}"#;
        insta::assert_snapshot!(
            [
                both(rules, own),
                both(r#"{"default": "ask", "unattended": "allow"}"#, own),
                both(r#"{"default": "ask"}"#, r#"{"default": "deny"}"#),
                both(r#"{"default": "allow", "unattended": "allow"}"#, "{}"),
                both(r#"{"default": "allow", "unattended": "allow"}"#, r#"{"unattended": "deny"}"#),
            ]
            .join("\n"),
            @r#"
        allow ["d"] ask ["b", "e"] deny ["c", "f"] default Some(Allow) unattended Some(Deny)
        allow ["d"] ask ["e"] deny ["f"] default Some(Ask) unattended Some(Allow)
        allow [] ask [] deny [] default Some(Deny) unattended Some(Deny)
        allow [] ask [] deny [] default None unattended Some(Allow)
        allow [] ask [] deny [] default None unattended Some(Deny)
        "#
        );
    }
}
