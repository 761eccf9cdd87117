//! Names that every provider accepts, and that no two tools share.

use std::collections::HashSet;

/// Longest name that every provider accepts.
const LONGEST: usize = 64;

/// `name` with every character that a provider would refuse replaced, at most 64 characters.
#[must_use]
pub(super) fn sanitize(name: &str) -> String {
    let mut name: String =
        name.chars().take(LONGEST).map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    if name.is_empty() {
        name.push_str("tool");
    }
    name
}

/// One name for each tool, in the same order. A tool is given as its own name and that of the source it comes from,
/// where it has one. A name that two tools want is given to the first without a source; the others are qualified.
#[must_use]
pub(super) fn unique(tools: &[(String, Option<String>)]) -> Vec<String> {
    let plain: Vec<String> = tools.iter().map(|(name, _)| sanitize(name)).collect();
    let contested = |name: &str| plain.iter().filter(|other| *other == name).count() > 1;
    let mut taken: HashSet<String> = HashSet::new();
    let mut names: Vec<Option<String>> = vec![None; tools.len()];
    // Those that cannot be qualified choose first, so that a server cannot take the name of a tool of the file.
    let (fixed, sourced): (Vec<usize>, Vec<usize>) = (0..tools.len()).partition(|index| tools[*index].1.is_none());
    for index in fixed.into_iter().chain(sourced) {
        let wanted = match &tools[index].1 {
            Some(source) if contested(&plain[index]) => sanitize(&format!("{source}_{}", tools[index].0)),
            _ => plain[index].clone(),
        };
        let name = free(&wanted, &taken);
        taken.insert(name.clone());
        names[index] = Some(name);
    }
    names.into_iter().flatten().collect()
}

fn free(wanted: &str, taken: &HashSet<String>) -> String {
    if !taken.contains(wanted) {
        return wanted.to_owned();
    }
    (2..)
        .map(|number: u32| {
            let suffix = format!("_{number}");
            format!("{}{suffix}", &wanted[..wanted.len().min(LONGEST - suffix.len())])
        })
        .find(|name| !taken.contains(name))
        .expect("more numbers than names")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tools: &[(&str, &str)]) -> Vec<String> {
        let tools: Vec<_> = tools
            .iter()
            .map(|(name, source)| ((*name).to_owned(), Some((*source).to_owned()).filter(|source| !source.is_empty())))
            .collect();
        unique(&tools)
    }

    #[test]
    fn a_name_stays_as_it_is_unless_two_tools_want_it() {
        assert_eq!(
            names(&[("search", "docs"), ("read", "docs"), ("search", "web")]),
            ["docs_search", "read", "web_search"]
        );
    }

    #[test]
    fn a_server_cannot_take_the_name_of_a_tool_of_the_file() {
        assert_eq!(names(&[("fetch", "evil"), ("fetch", "")]), ["evil_fetch", "fetch"]);
        assert_eq!(
            names(&[("evil_fetch", ""), ("fetch", "evil"), ("fetch", "")]),
            ["evil_fetch", "evil_fetch_2", "fetch"]
        );
    }

    #[test]
    fn names_are_what_every_provider_accepts() {
        let long = "x".repeat(80);
        let all = names(&[("a.b/c d", "s"), ("", "s"), ("wörter", "s"), (&long, "s"), (&long, "s"), (&long, "")]);
        assert_eq!(all[..3], ["a_b_c_d", "tool", "w_rter"]);
        assert!(all.iter().all(|name| name.len() <= 64 && !name.is_empty()), "{all:?}");
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "{all:?}");
    }
}
