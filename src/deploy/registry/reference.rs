//! `HOST[:PORT]/PATH[:TAG | @DIGEST]`.

use std::fmt;

use crate::deploy::{DeployError, image::Digest};

/// Where an image is, or is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// `HOST` or `HOST:PORT`.
    pub registry: String,
    pub repository: String,
    pub tag: Option<String>,
    pub digest: Option<Digest>,
}

impl Reference {
    /// The registry has to be named: none is asked that nobody spoke of.
    ///
    /// # Errors
    /// What is no reference, with what one looks like.
    pub fn parse(text: &str) -> Result<Self, DeployError> {
        let wrong = |why: &str| DeployError::Usage {
            what: format!("`{text}` is not the name of an image in a registry: {why}"),
            hint: "it looks like `registry.example/agents/demo` or `127.0.0.1:5000/demo:1`".to_owned(),
        };
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                (name, Some(Digest::parse(digest).ok_or_else(|| wrong("its digest is not SHA-256"))?))
            }
            None => (text, None),
        };
        let (registry, rest) = name.split_once('/').ok_or_else(|| wrong("the registry is missing"))?;
        if !(registry == "localhost" || registry.contains(['.', ':'])) {
            return Err(wrong("the registry is missing"));
        }
        let host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_');
        if !registry.chars().all(host) {
            return Err(wrong("the registry is not a host"));
        }
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag.to_owned())),
            None => (rest, None),
        };
        let part = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
        };
        if !repository.split('/').all(part) {
            return Err(wrong("its path has lower-case letters, digits, `.`, `_` and `-`, with `/` between"));
        }
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if tag.as_ref().is_some_and(|tag| tag.is_empty() || tag.len() > 128 || !tag.chars().all(word)) {
            return Err(wrong("its tag has letters, digits, `.`, `_` and `-`, up to 128"));
        }
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), tag, digest })
    }

    /// `HOST/PATH`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The same image by its digest.
    #[must_use]
    pub fn pinned(&self, digest: &Digest) -> String {
        format!("{}@{digest}", self.name())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_an_image() {
        let parsed = |text: &str| Reference::parse(text).map(|reference| (reference.name(), reference.tag));
        let whole = |name: &str, tag: Option<&str>| Some((name.to_owned(), tag.map(str::to_owned)));
        assert_eq!(parsed("127.0.0.1:5000/a/b-c:1.0").ok(), whole("127.0.0.1:5000/a/b-c", Some("1.0")));
        assert_eq!(parsed("registry.example/demo").ok(), whole("registry.example/demo", None));
        assert_eq!(parsed("[::1]:5000/demo").ok(), whole("[::1]:5000/demo", None));
        let hex = "a".repeat(64);
        let pinned = Reference::parse(&format!("r.example/demo@sha256:{hex}")).unwrap();
        assert_eq!(pinned.to_string(), format!("r.example/demo@sha256:{hex}"));
        for wrong in
            ["demo", "ann/demo", "r.example/Demo", "r.example/", "r.example/a:", "r.example/a//b", "", "r.example/a@x"]
        {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
