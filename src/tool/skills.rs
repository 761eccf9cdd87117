//! Skills: folders with a `SKILL.md` whose front matter says what they are for. The model sees names and
//! descriptions in the description of the `skill` tool, and reads a body, and files beside it, when it needs them.

use std::{
    fmt::Write as _,
    io::{self, Read as _},
    path::{Component, Path, PathBuf},
};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Tool, ToolCx, ToolError, ToolResult};
use crate::domain::{Effect, ToolSpec};

const FILE: &str = "SKILL.md";
const LONGEST_FILE: u64 = 256 * 1024;
const MOST_SKILLS: usize = 100;
/// How many files a skill names with its body.
const MOST_FILES: usize = 100;
const DEEPEST: usize = 4;

/// A skill that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SkillError {
    #[error("could not read the skills in `{}`: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` holds no `SKILL.md`, nor does any folder in it", path.display())]
    Empty { path: PathBuf },
    #[error("`{}` does not begin with front matter: a line `---`, then `name` and `description`, then a line `---`", path.display())]
    NoFrontMatter { path: PathBuf },
    #[error("the front matter of `{}` could not be understood: {reason}", path.display())]
    FrontMatter { path: PathBuf, reason: String },
    #[error("two skills are called `{name}`: `{}` and `{}`", one.display(), other.display())]
    Twice { name: String, one: PathBuf, other: PathBuf },
    #[error("more than {MOST_SKILLS} skills in `{}`", path.display())]
    TooMany { path: PathBuf },
}

/// One skill, known by its front matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skill {
    pub name: String,
    pub description: String,
    /// The folder, without symbolic links in it.
    folder: PathBuf,
}

/// What we read of the front matter; other keys belong to other programs.
#[derive(Deserialize)]
struct FrontMatter {
    name: String,
    description: String,
}

/// The `skill` tool.
pub struct SkillTool {
    spec: ToolSpec,
    skills: Vec<Skill>,
}

#[derive(Deserialize)]
struct Call {
    name: String,
    #[serde(default)]
    file: Option<String>,
}

/// The skills in `folders`: each a skill itself, or a folder of skills.
///
/// # Errors
/// The first that cannot be used.
pub fn load(folders: &[PathBuf], base: &Path) -> Result<Vec<Skill>, SkillError> {
    let mut skills: Vec<Skill> = vec![];
    for folder in folders {
        let folder = base.join(folder);
        for skill in in_folder(&folder)? {
            if let Some(same) = skills.iter().find(|other| other.name == skill.name) {
                let (one, other) = (same.folder.clone(), skill.folder);
                return Err(SkillError::Twice { name: skill.name, one, other });
            }
            skills.push(skill);
            if skills.len() > MOST_SKILLS {
                return Err(SkillError::TooMany { path: folder });
            }
        }
    }
    Ok(skills)
}

fn in_folder(folder: &Path) -> Result<Vec<Skill>, SkillError> {
    if folder.join(FILE).is_file() {
        return Ok(vec![read_skill(folder)?]);
    }
    let wrong = |source| SkillError::Read { path: folder.to_owned(), source };
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(wrong)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(wrong)?;
    found.retain(|path| path.join(FILE).is_file());
    found.sort();
    if found.is_empty() {
        return Err(SkillError::Empty { path: folder.to_owned() });
    }
    found.iter().map(|path| read_skill(path)).collect()
}

fn read_skill(folder: &Path) -> Result<Skill, SkillError> {
    let path = folder.join(FILE);
    let text = read_text(&path).map_err(|source| SkillError::Read { path: path.clone(), source })?;
    let (matter, _) = split(&text).ok_or_else(|| SkillError::NoFrontMatter { path: path.clone() })?;
    let wrong = |reason: String| SkillError::FrontMatter { path: path.clone(), reason };
    let matter: FrontMatter = serde_yaml::from_str(matter)
        .map_err(|error| wrong(error.to_string().lines().next().unwrap_or_default().to_owned()))?;
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if matter.name.is_empty() || matter.name.len() > 64 || !matter.name.chars().all(good) {
        return Err(wrong(format!(
            "the name `{}` may have small letters, digits and `-` only, at most 64",
            matter.name
        )));
    }
    let description = matter.description.trim();
    if description.is_empty() || description.chars().count() > 1024 {
        return Err(wrong("the description needs 1 to 1024 characters".to_owned()));
    }
    let folder = folder.canonicalize().map_err(|source| SkillError::Read { path: path.clone(), source })?;
    Ok(Skill { name: matter.name, description: description.to_owned(), folder })
}

/// The front matter and the body.
fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rest = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n"))?;
    let mut start = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            return Some((&rest[..start], rest[start + line.len()..].trim()));
        }
        start += line.len();
    }
    None
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(LONGEST_FILE + 1).read_to_string(&mut text)?;
    if read as u64 > LONGEST_FILE {
        return Err(io::Error::other("it is larger than 256 KiB"));
    }
    Ok(text)
}

impl SkillTool {
    #[must_use]
    pub fn new(skills: Vec<Skill>) -> Self {
        let mut description = "Instructions for kinds of work. Read the one that fits before you begin; it may name \
                               files of its own, which you read with `file`.\n\nSkills:"
            .to_owned();
        for skill in &skills {
            // Writing to a string cannot fail.
            let _ = write!(description, "\n- {}: {}", skill.name, skill.description.replace('\n', " "));
        }
        let names: Vec<&str> = skills.iter().map(|skill| skill.name.as_str()).collect();
        let parameters = json!({
            "type": "object",
            "properties": {
                "name": { "type": "string", "enum": names },
                "file": { "type": "string", "description": "A file of the skill, relative to its folder." },
            },
            "required": ["name"],
            "additionalProperties": false,
        });
        let name = "skill".to_owned();
        Self { spec: ToolSpec { name, description, parameters, effect: Effect::Reads, rule_name: None }, skills }
    }
}

#[async_trait]
impl Tool for SkillTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Value, _cx: &ToolCx) -> Result<ToolResult, ToolError> {
        let call: Call = serde_json::from_value(arguments).map_err(|error| ToolError::Arguments(error.to_string()))?;
        let skill = self.skills.iter().find(|skill| skill.name == call.name);
        let Some(skill) = skill.cloned() else {
            return Err(ToolError::Arguments(format!("there is no skill `{}`", call.name)));
        };
        let read = tokio::task::spawn_blocking(move || match call.file {
            Some(file) => skill.file(&file),
            None => skill.body(),
        });
        read.await.unwrap_or_else(|error| Err(error.to_string())).map(ToolResult::text).map_err(ToolError::Failed)
    }
}

impl Skill {
    fn body(&self) -> Result<String, String> {
        let text =
            read_text(&self.folder.join(FILE)).map_err(|error| format!("`{FILE}` could not be read: {error}"))?;
        let mut text = split(&text).map_or(text.as_str(), |(_, body)| body).to_owned();
        let mut files = vec![];
        files_in(&self.folder, Path::new(""), 0, &mut files);
        if !files.is_empty() {
            files.sort();
            let _ = write!(text, "\n\nFiles of this skill: {}", files.join(", "));
        }
        Ok(text)
    }

    /// The text of a file below the folder; a symbolic link that leads out of it is refused.
    fn file(&self, file: &str) -> Result<String, String> {
        let relative = Path::new(file);
        if !relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(format!("`{file}` is not below the skill's folder"));
        }
        let wrong = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => format!("the skill has no file `{file}`"),
            io::ErrorKind::InvalidData => format!("`{file}` is not text"),
            _ => format!("`{file}` could not be read: {error}"),
        };
        let path = self.folder.join(relative).canonicalize().map_err(wrong)?;
        if !path.starts_with(&self.folder) {
            return Err(format!("`{file}` is not below the skill's folder"));
        }
        if !path.is_file() {
            return Err(format!("`{file}` is not a file"));
        }
        read_text(&path).map_err(wrong)
    }
}

/// The names of the files below `folder`, without `SKILL.md` and what is hidden.
fn files_in(folder: &Path, below: &Path, depth: usize, files: &mut Vec<String>) {
    // A folder that cannot be read has no files to name.
    let Ok(entries) = std::fs::read_dir(folder.join(below)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let path = below.join(&name);
        let Ok(kind) = entry.file_type() else { continue };
        if files.len() == MOST_FILES || name.to_string_lossy().starts_with('.') || path == Path::new(FILE) {
            continue;
        }
        if kind.is_file() {
            files.push(path.display().to_string());
        } else if kind.is_dir() && depth < DEEPEST {
            files_in(folder, &path, depth + 1, files);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::testing;

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn loaded(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "s/SKILL.md", text);
        match load(&[PathBuf::from("s")], folder.path()) {
            Ok(skills) => format!("{}: {}", skills[0].name, skills[0].description),
            Err(error) => error.to_string().replace(&folder.path().display().to_string(), "[DIR]"),
        }
    }

    #[test]
    fn front_matter_is_strict_about_what_we_read() {
        insta::assert_snapshot!(loaded("---\nname: pdf\ndescription: Reads PDFs\nlicense: MIT\n---\nBody"), @"pdf: Reads PDFs");
        insta::assert_snapshot!(loaded("\u{feff}---\r\nname: pdf\r\ndescription: Windows\r\n---\r\nBody"), @"pdf: Windows");
        insta::assert_snapshot!(loaded("# No front matter"), @"`[DIR]/s/SKILL.md` does not begin with front matter: a line `---`, then `name` and `description`, then a line `---`");
        insta::assert_snapshot!(loaded("---\nname: pdf\ndescription: never closed\n"), @"`[DIR]/s/SKILL.md` does not begin with front matter: a line `---`, then `name` and `description`, then a line `---`");
        insta::assert_snapshot!(loaded("---\nname: pdf\n---\n"), @"the front matter of `[DIR]/s/SKILL.md` could not be understood: error: line 1 column 1: missing field `description`");
        insta::assert_snapshot!(loaded("---\nname: P D F\ndescription: x\n---\n"), @"the front matter of `[DIR]/s/SKILL.md` could not be understood: the name `P D F` may have small letters, digits and `-` only, at most 64");
        insta::assert_snapshot!(loaded("---\nname: pdf\ndescription: ''\n---\n"), @"the front matter of `[DIR]/s/SKILL.md` could not be understood: the description needs 1 to 1024 characters");
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(load(&[PathBuf::from(".")], folder.path()), Err(SkillError::Empty { .. })));
        assert!(matches!(load(&[PathBuf::from("gone")], folder.path()), Err(SkillError::Read { .. })));
    }

    #[tokio::test]
    async fn bodies_and_files_are_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "skills/a/SKILL.md", "---\nname: a\ndescription: First\n---\n\nDo it so.\n");
        write(folder.path(), "skills/a/ref/more.md", "More.");
        write(folder.path(), "skills/a/.hidden", "x");
        write(folder.path(), "skills/b/SKILL.md", "---\nname: b\ndescription: Second\n---\nOther");
        write(folder.path(), "secret", "secret");
        std::fs::write(folder.path().join("skills/a/image"), [0xff, 0xfe]).unwrap();
        std::fs::write(folder.path().join("skills/a/huge"), vec![b'x'; 300 * 1024]).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path().join("secret"), folder.path().join("skills/a/link")).unwrap();
        let tool = SkillTool::new(load(&[PathBuf::from("skills")], folder.path()).unwrap());
        insta::assert_snapshot!(tool.spec().description, @"
        Instructions for kinds of work. Read the one that fits before you begin; it may name files of its own, which you read with `file`.

        Skills:
        - a: First
        - b: Second
        ");
        let mut said = vec![];
        for arguments in [
            json!({ "name": "a" }),
            json!({ "name": "b" }),
            json!({ "name": "a", "file": "./ref/more.md" }),
            json!({ "name": "a", "file": "../../secret" }),
            json!({ "name": "a", "file": "/etc/passwd" }),
            json!({ "name": "a", "file": "link" }),
            json!({ "name": "a", "file": "image" }),
            json!({ "name": "a", "file": "huge" }),
            json!({ "name": "a", "file": "ref" }),
            json!({ "name": "a", "file": "gone" }),
        ] {
            said.push(match tool.call(arguments, &testing::cx()).await {
                Ok(result) => testing::text(&result),
                Err(error) => format!("error: {error}"),
            });
        }
        insta::assert_snapshot!(said.join("\n---\n"), @"
        Do it so.

        Files of this skill: huge, image, ref/more.md
        ---
        Other
        ---
        More.
        ---
        error: `../../secret` is not below the skill's folder
        ---
        error: `/etc/passwd` is not below the skill's folder
        ---
        error: `link` is not below the skill's folder
        ---
        error: `image` is not text
        ---
        error: `huge` could not be read: it is larger than 256 KiB
        ---
        error: `ref` is not a file
        ---
        error: the skill has no file `gone`
        ");
    }

    #[test]
    fn two_skills_of_one_name_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            write(folder.path(), &format!("{name}/SKILL.md"), "---\nname: same\ndescription: x\n---\n");
        }
        let error = load(&[PathBuf::from(".")], folder.path()).unwrap_err();
        assert!(matches!(error, SkillError::Twice { .. }), "{error}");
    }
}
