//! YAML text to a tree in which every key and value knows where it stands.
//!
//! YAML 1.2 with the core schema, less what makes a configuration hard to read or to trust: tags, merge keys and
//! several documents are refused. Anchors and aliases work, within a budget.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError};
use serde_json::{Map, Number, Value};

use super::diagnostic::{Diagnostic, Diagnostics, Place, Source};

/// Deeper than any agent file; keeps recursion over a tree far from the end of the stack.
const DEPTH: usize = 64;
/// Keys and values of one file, those that aliases stand for included.
const NODES: usize = 50_000;
/// Bytes of text that anchors and aliases may repeat.
const ALIASED: usize = 1 << 20;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// In bytes.
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) node: Node,
}

impl Node {
    pub(super) fn value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(items) => items.iter().map(Self::value).collect(),
            Kind::Map(entries) => Value::Object(
                entries.iter().map(|entry| (entry.key.clone(), entry.node.value())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// The entry of a mapping.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|entry| entry.key == key),
            Kind::Scalar(_) | Kind::List(_) => None,
        }
    }

    /// The node at a JSON pointer, and the span of its key if it is in a mapping. Where the pointer leads out of the
    /// tree, the last node on the way.
    pub(super) fn find(&self, pointer: &str) -> (&Self, Option<Range<usize>>) {
        let mut found = (self, None);
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            found = match &found.0.kind {
                Kind::Map(_) => match found.0.entry(&token) {
                    Some(entry) => (&entry.node, Some(entry.key_span.clone())),
                    None => return found,
                },
                Kind::List(items) => match token.parse::<usize>().ok().and_then(|index| items.get(index)) {
                    Some(item) => (item, None),
                    None => return found,
                },
                Kind::Scalar(_) => return found,
            };
        }
        found
    }

    fn measure(&self) -> Measure {
        match &self.kind {
            Kind::Scalar(value) => Measure { nodes: 1, height: 0, bytes: value.as_str().map_or(0, str::len) },
            Kind::List(items) => items.iter().map(Self::measure).fold(Measure::default(), Measure::around),
            Kind::Map(entries) => entries
                .iter()
                .map(|entry| {
                    let Measure { nodes, height, bytes } = entry.node.measure();
                    Measure { nodes: nodes + 1, height, bytes: bytes + entry.key.len() }
                })
                .fold(Measure::default(), Measure::around),
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Measure {
    nodes: usize,
    height: usize,
    bytes: usize,
}

impl Measure {
    fn around(self, child: Self) -> Self {
        Self {
            nodes: self.nodes.max(1) + child.nodes,
            height: self.height.max(child.height + 1),
            bytes: self.bytes + child.bytes,
        }
    }
}

/// Reads `source`. What does not stop the reader is put into `found`.
pub(super) fn parse(source: &Arc<Source>, found: &mut Diagnostics) -> Result<Node, Diagnostic> {
    let options = granit_parser::options! {
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
        emit_comments: false,
    };
    let parser = Parser::new_from_str_with_options(&source.text, options);
    let mut reader = Reader { source, parser, open: vec![], anchors: HashMap::new(), nodes: 0, aliased: 0, found };
    let mut root = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::DocumentStart(..) if root.is_some() => {
                return Err(reader
                    .error("several-documents", "a second YAML document begins here", span)
                    .help("keep one agent in a file: remove the `---`"));
            }
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            event => root = Some(reader.node(event, span, 0)?),
        }
    }
    root.filter(|node| node.kind != Kind::Scalar(Value::Null)).ok_or_else(|| {
        Diagnostic::error("empty", format!("`{}` is empty", source.name))
            .help("the smallest agent file is `name: assistant`; `agentscope init` writes a larger one")
    })
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    /// Where the lists and mappings that are not finished yet begin.
    open: Vec<usize>,
    /// A node that is not finished yet is not in here.
    anchors: HashMap<usize, Node>,
    nodes: usize,
    aliased: usize,
    found: &'a mut Diagnostics,
}

impl<'a> Reader<'a> {
    fn error(&self, code: &'static str, message: impl Into<String>, span: Range<usize>) -> Diagnostic {
        Diagnostic::error(code, message).at(Place::new(self.source, span))
    }

    fn next(&mut self) -> Result<(Event<'a>, Range<usize>), Diagnostic> {
        match self.parser.next() {
            Some(Ok((event, span))) => Ok((event, span.byte_range().unwrap_or_default())),
            Some(Err(error)) => Err(super::syntax::explain(self.source, &error, &self.open)),
            // The stream ends with an event of its own.
            None => Ok((Event::StreamEnd, 0..0)),
        }
    }

    fn count(&mut self, nodes: usize, span: &Range<usize>) -> Result<(), Diagnostic> {
        self.nodes += nodes;
        if self.nodes > NODES {
            return Err(self.error("too-large", format!("the file has more than {NODES} values"), span.clone()));
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'a>, span: Range<usize>, depth: usize) -> Result<Node, Diagnostic> {
        if depth >= DEPTH {
            return Err(too_deep(self.source, span));
        }
        self.count(1, &span)?;
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                if let Some(tag) = tag {
                    self.refuse_tag(&tag.original(), &span);
                }
                let value = if style == ScalarStyle::Plain { scalar(&text) } else { Value::from(&*text) };
                (Node { span, kind: Kind::Scalar(value) }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                if let Some(tag) = tag {
                    self.refuse_tag(&tag.original(), &span);
                }
                self.open.push(span.start);
                let list = self.list(span, depth)?;
                self.open.pop();
                (list, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                if let Some(tag) = tag {
                    self.refuse_tag(&tag.original(), &span);
                }
                self.open.push(span.start);
                let map = self.map(span, depth)?;
                self.open.pop();
                (map, anchor)
            }
            Event::Alias(id) => (self.alias(id, &span, depth)?, 0),
            // Not events that can stand where a value is expected.
            _ => (Node { span, kind: Kind::Scalar(Value::Null) }, 0),
        };
        if anchor > 0 {
            // A copy is kept, of which anchors within anchors would make many.
            let Measure { nodes, bytes, .. } = node.measure();
            self.count(nodes, &node.span)?;
            self.repeat(bytes, &node.span)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn refuse_tag(&mut self, tag: &str, span: &Range<usize>) {
        let diagnostic = self
            .error("tag", format!("the tag `{tag}` has no meaning in an agent file"), span.clone())
            .help("remove it; a value in quotes is a string");
        self.found.push(diagnostic);
    }

    fn list(&mut self, start: Range<usize>, depth: usize) -> Result<Node, Diagnostic> {
        let mut items = vec![];
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Node { span: start.start..span.end.max(start.end), kind: Kind::List(items) });
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn map(&mut self, start: Range<usize>, depth: usize) -> Result<Node, Diagnostic> {
        let mut entries: Vec<Entry> = vec![];
        let mut seen = HashSet::new();
        loop {
            let (event, span) = self.next()?;
            let key = match event {
                Event::MappingEnd => {
                    return Ok(Node { span: start.start..span.end.max(start.end), kind: Kind::Map(entries) });
                }
                Event::Scalar(text, ..) => text.into_owned(),
                _ => {
                    return Err(self
                        .error("key", "a key has to be a name, not a list or a mapping", span)
                        .help("put quotes around it if it is meant as text"));
                }
            };
            self.count(1, &span)?;
            let (event, value_span) = self.next()?;
            let node = self.node(event, value_span, depth + 1)?;
            if key == "<<" {
                let diagnostic = self
                    .error("merge-key", "merge keys (`<<`) are not part of YAML 1.2", span)
                    .help("write the keys out, or put what differs into `profiles`");
                self.found.push(diagnostic);
            } else if seen.insert(key.clone()) {
                entries.push(Entry { key, key_span: span, node });
            } else {
                let first = entries.iter().find(|entry| entry.key == key).map_or(0..0, |entry| entry.key_span.clone());
                let line = Place::new(self.source, first).line();
                let diagnostic = self
                    .error("duplicate-key", format!("the key `{key}` stands here a second time"), span)
                    .help(format!("the first one is in line {line}; keep one of them"));
                self.found.push(diagnostic);
            }
        }
    }

    fn alias(&mut self, id: usize, span: &Range<usize>, depth: usize) -> Result<Node, Diagnostic> {
        let Some(node) = self.anchors.get(&id) else {
            return Err(self.error("alias", "an alias cannot stand inside of what it repeats", span.clone()));
        };
        let node = node.clone();
        let Measure { nodes, height, bytes } = node.measure();
        if depth + height >= DEPTH {
            return Err(too_deep(self.source, span.clone()));
        }
        self.repeat(bytes, span)?;
        self.count(nodes, span)?;
        Ok(node)
    }

    fn repeat(&mut self, bytes: usize, span: &Range<usize>) -> Result<(), Diagnostic> {
        self.aliased += bytes;
        if self.aliased > ALIASED {
            return Err(self.error("too-large", "the anchors and aliases of this file repeat too much", span.clone()));
        }
        Ok(())
    }
}

pub(super) fn too_deep(source: &Arc<Source>, span: Range<usize>) -> Diagnostic {
    Diagnostic::error("too-deep", format!("the file is nested more than {DEPTH} levels deep"))
        .at(Place::new(source, span))
}

/// A plain scalar by the core schema (YAML 1.2.2, 10.3.2). Infinities and NaN, which JSON has not, stay text.
pub(super) fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| Value::from(text), Value::Number)
}

fn number(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0x") {
        return plain_digits(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return plain_digits(digits, 8);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mantissa = unsigned.split(['e', 'E']).next().unwrap_or_default();
    let looks_like_one = mantissa.bytes().any(|byte| byte.is_ascii_digit())
        && unsigned.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if !looks_like_one {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Ok(whole) = text.parse::<u64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    let float: f64 = text.parse().ok()?;
    // `1.0` counts as a whole number, as in JSON Schema.
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
    if float.fract() == 0.0 && float.abs() < 9.0e15 {
        return Some((float as i64).into());
    }
    Number::from_f64(float)
}

fn plain_digits(digits: &str, radix: u32) -> Option<Number> {
    // `from_str_radix` takes a sign, YAML does not.
    digits
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric())
        .then(|| u64::from_str_radix(digits, radix).ok())
        .flatten()
        .map(Number::from)
}

/// Where an error of the parser stands.
pub(super) fn error_at(error: &ScanError) -> usize {
    error.marker().byte_offset().unwrap_or_default()
}

pub(super) fn is_depth(error: &ScanError) -> bool {
    matches!(error.kind(), ErrorKind::RecursionLimitExceeded)
}
