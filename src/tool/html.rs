//! Web pages as Markdown.

use std::time::Duration;

use htmd::HtmlToMarkdown;

/// The conversion is recursive: a page nested deeper than this is stripped of its tags instead.
const DEEPEST: usize = 500;
const STACK: usize = 64 * 1024 * 1024;
const LONGEST: usize = 2 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(10);

/// Elements that hold nothing to read.
const SKIPPED: &[&str] = &["script", "style", "noscript", "template", "svg", "iframe", "object", "head", "nav"];

/// Elements that need no end tag, so that an open one says nothing about depth.
const UNCLOSED: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "p", "li",
    "td", "th", "tr", "dt", "dd", "option", "thead", "tbody", "tfoot", "colgroup",
];

/// `page` as Markdown; its bare text where it is built to hurt.
pub(super) async fn markdown(mut page: String) -> String {
    page.truncate(page.floor_char_boundary(LONGEST));
    if depth(&page) > DEEPEST {
        return bare(&page);
    }
    let (done, converted) = tokio::sync::oneshot::channel();
    let input = page.clone();
    let worker = std::thread::Builder::new().name("html".to_owned()).stack_size(STACK).spawn(move || {
        let converter = HtmlToMarkdown::builder().skip_tags(SKIPPED.to_vec()).build();
        // Nobody listens where the call was canceled.
        let _ = done.send(converter.convert(&input));
    });
    if worker.is_err() {
        return bare(&page);
    }
    match tokio::time::timeout(TIMEOUT, converted).await {
        Ok(Ok(Ok(text))) => squeeze(&text),
        _ => bare(&page),
    }
}

/// How deep elements nest, at most; a guess from above, made without a parser.
fn depth(page: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for tag in page.split('<').skip(1) {
        if tag.starts_with('/') {
            depth = depth.saturating_sub(1);
            continue;
        }
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        if !name.is_empty() && !UNCLOSED.iter().any(|unclosed| name.eq_ignore_ascii_case(unclosed)) {
            depth += 1;
            deepest = deepest.max(depth);
        }
    }
    deepest
}

/// Everything outside of tags.
fn bare(page: &str) -> String {
    let text: String = page
        .split('<')
        .enumerate()
        .map(|(index, part)| if index == 0 { part } else { part.split_once('>').map_or("", |(_, text)| text) })
        .flat_map(|text| [text, " "])
        .collect();
    squeeze(&text)
}

/// Without trailing blanks and without more than one empty line in a row.
fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines().map(str::trim_end) {
        empty = if line.trim().is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_is_read_without_its_machinery() {
        let page = "<html><head><title>T</title><style>b{}</style></head><body><nav><a href=/>Home</a></nav>\
                    <h1>Tea</h1><p>Green <b>tea</b> &amp; <a href='https://x.example/y'>more</a>.<p>Second\
                    <ul><li>one<li>two</ul><script>alert(1)</script><pre><code>a  b</code></pre></body></html>";
        insta::assert_snapshot!(markdown(page.to_owned()).await, @"
        # Tea

        Green **tea** & [more](https://x.example/y).

        Second

        *   one
        *   two

        ```
        a  b
        ```
        ");
    }

    #[tokio::test]
    async fn a_page_built_to_exhaust_the_stack_is_read_as_bare_text() {
        let page = format!("{}deep &amp; low{}", "<div><b>".repeat(100_000), "</b></div>".repeat(100_000));
        assert_eq!(markdown(page).await, "deep &amp; low");
        let close = format!("{}x", "</b></table>".repeat(100_000));
        assert_eq!(markdown(close).await, "x");
    }

    #[tokio::test]
    async fn ordinary_depth_is_no_obstacle() {
        let page = format!("{}deep{}", "<div>".repeat(490), "</div>".repeat(490));
        assert_eq!(markdown(page).await, "deep");
    }
}
