//! Results are kept to a size that a model's context can bear. What is cut says so.

use crate::domain::Content;

/// Most bytes of text in one result.
pub const TEXT: usize = 64 * 1024;
/// Most bytes of base64 in one image; providers refuse larger ones.
pub const IMAGE: usize = 5 * 1024 * 1024;
/// Most images in one result.
pub const IMAGES: usize = 8;

/// Keeps `content` within the limits: text loses its middle, images that are too large or too many are replaced by a
/// line that says so.
#[must_use]
pub fn result(content: Vec<Content>) -> Vec<Content> {
    let mut left = TEXT;
    let mut images = 0;
    content
        .into_iter()
        .map(|part| match part {
            Content::Text { text } => {
                let text = middle(text, left);
                left = left.saturating_sub(text.len());
                Content::text(text)
            }
            Content::Image(image) if image.data.len() > IMAGE => {
                Content::text(format!("[image of {} left out: larger than {}]", size(image.data.len()), size(IMAGE)))
            }
            Content::Image(image) => {
                images += 1;
                if images > IMAGES {
                    Content::text(format!("[image left out: more than {IMAGES}]"))
                } else {
                    Content::Image(image)
                }
            }
            other @ (Content::Reasoning { .. }
            | Content::ToolCall(_)
            | Content::ToolResult { .. }
            | Content::Summary { .. }) => other,
        })
        .collect()
}

/// The head and the tail of `text` with a marker between them, about `most` bytes in all.
#[must_use]
pub fn middle(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    // The head says what it is; errors and totals stand at the end.
    let head = text.floor_char_boundary(most / 3 * 2);
    let tail = text.ceil_char_boundary(text.len() - most / 3);
    format!("{}\n[… {} left out …]\n{}", &text[..head], size(tail - head), &text[tail..])
}

/// The start of `text`, at most `most` bytes, with `…` where something was cut.
#[must_use]
pub fn short(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(most)])
}

fn size(bytes: usize) -> String {
    match bytes {
        0..10_240 => format!("{bytes} bytes"),
        10_240..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1024 / 1024),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Image;

    #[test]
    fn text_loses_its_middle_and_says_how_much() {
        let text = format!("head {} tail", "é".repeat(TEXT));
        let capped = result(vec![Content::text(text), Content::text("more"), Content::text("x".repeat(50))]);
        let texts: Vec<_> = capped
            .iter()
            .map(|part| match part {
                Content::Text { text } => text.replace('é', ""),
                _ => unreachable!(),
            })
            .collect();
        insta::assert_debug_snapshot!(texts, @r#"
        [
            "head \n[… 64 KiB left out …]\n tail",
            "\n[… 4 bytes left out …]\n",
            "\n[… 50 bytes left out …]\n",
        ]
        "#);
    }

    #[test]
    fn images_are_limited_in_size_and_number() {
        let image = |len: usize| Content::Image(Image { media_type: "image/png".to_owned(), data: "A".repeat(len) });
        let mut content = vec![image(IMAGE + 1)];
        content.extend((0..=IMAGES).map(|_| image(4)));
        let capped = result(content);
        assert_eq!(capped[0], Content::text("[image of 5 MiB left out: larger than 5 MiB]"));
        assert_eq!(capped[1..=IMAGES], vec![image(4); IMAGES]);
        assert_eq!(capped[IMAGES + 1], Content::text("[image left out: more than 8]"));
    }

    #[test]
    fn what_fits_is_untouched() {
        let content = vec![Content::text("a".repeat(TEXT))];
        assert_eq!(result(content.clone()), content);
    }
}
