//! Server-sent events, decoded as they arrive.
//!
//! The rules are those of the HTML standard, "Interpreting an event stream" (html.spec.whatwg.org, section 9.2.6):
//! lines end with CR, LF or CRLF, also when a chunk ends between the two; a leading byte order mark and lines that start
//! with a colon are passed over; `data` lines are joined with LF; an event that no blank line ended is dropped. `id` and
//! `retry` mean nothing to us, because no request of ours is resumed by it.

use std::borrow::Cow;

/// The longest event that is put together, in bytes. Providers send whole tool calls in one event, but no megabytes.
pub(crate) const MAX_EVENT: usize = 8 * 1024 * 1024;

/// One event. Bytes that are not UTF-8 became U+FFFD, as the standard says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    /// The `event` field; empty where the stream did not name it.
    pub name: Cow<'a, str>,
    pub data: Cow<'a, str>,
}

/// An event grew over [`MAX_EVENT`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Turns chunks of bytes, cut anywhere, into events.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// The start of a line whose end has not come yet.
    partial: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
    /// At least one `data` line was seen since the last event: an empty one counts.
    has_data: bool,
    /// The last byte was a CR, so that an LF that follows belongs to it.
    after_cr: bool,
    started: bool,
}

impl Decoder {
    /// Decodes `chunk` and gives every event that it completes to `on_event`, which may end the decoding by an error.
    ///
    /// # Errors
    /// [`TooLong`], or what `on_event` returned.
    pub(crate) fn feed<E: From<TooLong>>(
        &mut self,
        mut chunk: &[u8],
        mut on_event: impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.after_cr && !chunk.is_empty() {
            self.after_cr = false;
            chunk = chunk.strip_prefix(b"\n").unwrap_or(chunk);
        }
        while let Some(end) = chunk.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            let (line, rest) = chunk.split_at(end);
            chunk = match rest {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [_, rest @ ..] => rest,
                [] => &[],
            };
            if self.partial.is_empty() {
                self.line(line, &mut on_event)?;
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend_from_slice(line);
                self.line(&whole, &mut on_event)?;
                // Its capacity serves the next split line.
                whole.clear();
                self.partial = whole;
            }
        }
        self.partial.extend_from_slice(chunk);
        if self.partial.len() + self.data.len() > MAX_EVENT { Err(TooLong.into()) } else { Ok(()) }
    }

    fn line<E: From<TooLong>>(
        &mut self,
        line: &[u8],
        on_event: &mut impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let first = !std::mem::replace(&mut self.started, true);
        let line = if first { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line) } else { line };
        if line.is_empty() {
            return self.dispatch(on_event);
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            b"event" => value.clone_into(&mut self.name),
            _ => {}
        }
        if self.data.len() + self.name.len() > MAX_EVENT { Err(TooLong.into()) } else { Ok(()) }
    }

    fn dispatch<E>(&mut self, on_event: &mut impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), E> {
        let result = if self.has_data {
            on_event(Event { name: String::from_utf8_lossy(&self.name), data: String::from_utf8_lossy(&self.data) })
        } else {
            Ok(())
        };
        self.name.clear();
        self.data.clear();
        self.has_data = false;
        result
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<(String, String)>, TooLong> {
        let mut decoder = Decoder::default();
        let mut events = vec![];
        for chunk in chunks {
            decoder.feed(chunk, |event| {
                events.push((event.name.into_owned(), event.data.into_owned()));
                Ok::<_, TooLong>(())
            })?;
        }
        Ok(events)
    }

    fn texts(stream: &str) -> Vec<(String, String)> {
        decode([stream.as_bytes()]).unwrap()
    }

    #[test]
    fn every_line_ending_and_field_of_the_standard() {
        let events = texts(
            "\u{feff}data: bom\n\n: comment\ndata: a\r\ndata:b\rdata\r\r\nevent: named\ndata:  two spaces\nid: 1\nretry: 5\n\nevent: no data\n\nnonsense\ndata\n\n: last\n\ndata: never ended",
        );
        insta::assert_debug_snapshot!(events, @r#"
        [
            (
                "",
                "bom",
            ),
            (
                "",
                "a\nb\n",
            ),
            (
                "named",
                " two spaces",
            ),
            (
                "",
                "",
            ),
        ]
        "#);
    }

    /// Streams that are kept because each is ugly in its own way; what a fuzzer finds joins them.
    #[test]
    fn the_corpus_says_the_same_however_it_is_cut() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/corpus/sse");
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let mut all = String::new();
        for file in files {
            let stream = std::fs::read(&file).unwrap();
            let whole = decode([stream.as_slice()]).unwrap();
            assert_eq!(decode(stream.chunks(1)).unwrap(), whole, "{}", file.display());
            for cut in 0..stream.len() {
                let (start, end) = stream.split_at(cut);
                assert_eq!(decode([start, end]).unwrap(), whole, "{} cut at {cut}", file.display());
            }
            all += &format!("{}: {whole:?}\n", file.file_stem().unwrap().display());
        }
        insta::assert_snapshot!(all, @r#"
        bom_and_comments: [("", "{\"a\":1}"), ("", "[DONE]")]
        broken_utf8: [("", "�� and � cut"), ("", "🦀 whole")]
        cr: [("named", "a\nb"), ("", "c")]
        crlf: [("named", "a\nb"), ("", "c")]
        cut_in_a_character: [("", "{\"text\":\"漢字 🦀\"}")]
        empty_data: [("", ""), ("", ""), ("", ""), ("", " ")]
        fields_nobody_knows: [("", "yes")]
        mixed_line_ends: [("", "a\nb\nc"), ("", "d"), ("", "e")]
        no_blank_line_at_the_end: [("", "whole")]
        nul_and_colons: [("", "a\0b: c"), ("", ":d"), ("", ": e")]
        "#);
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let line = [b"data: ".as_slice(), &vec![b'x'; MAX_EVENT]].concat();
        assert_eq!(decode([line.as_slice()]), Err(TooLong));
        let many = b"data: 0123456789\n".repeat(MAX_EVENT / 10);
        assert_eq!(decode(many.chunks(4096)), Err(TooLong));
    }

    /// Streams made of what decides: line ends, colons, spaces, fields, a character of several bytes, broken UTF-8.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"\n".to_vec()),
            Just(b"\r".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"\n\n".to_vec()),
            Just(b"data: ".to_vec()),
            Just(b"data".to_vec()),
            Just(b"event:".to_vec()),
            Just(b": ".to_vec()),
            Just("é漢🦀".as_bytes().to_vec()),
            Just(b"\xEF\xBB\xBF".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..4),
        ];
        proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn chunking_changes_nothing(stream in stream(), cuts in proptest::collection::vec(0_usize..200, 0..20)) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let chunks = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]);
            let whole = decode([stream.as_slice()]);
            prop_assert_eq!(&decode(chunks), &whole);
            prop_assert_eq!(&decode(stream.chunks(1)), &whole);
        }
    }
}
