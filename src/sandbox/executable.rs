//! Our executable as a file that runs in any image: static, for Linux, of this version and no other program.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use super::SandboxError;
use crate::config::Env;

/// How an executable of this version is told from any other without running it: this text stands in every one.
#[used]
static MARK: &str = concat!("\u{1e}agentscope ", env!("CARGO_PKG_VERSION"), " runs in boxes\u{1e}");
/// What the mark begins and ends with.
const BOUND: u8 = 0x1e;

/// Why an executable cannot run in any image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    #[error("is not an executable for Linux")]
    NotElf,
    #[error("is for {0}, and the engine is for {1}")]
    Architecture(String, String),
    #[error("is dynamically linked, so it runs only where its libraries are")]
    Dynamic,
    #[error("is not agentscope {}", env!("CARGO_PKG_VERSION"))]
    Foreign,
}

/// This binary, which is also what runs in every box.
pub(crate) fn program() -> PathBuf {
    // It may have been replaced on disk since it was started.
    let itself = PathBuf::from("/proc/self/exe");
    if itself.exists() { itself } else { std::env::current_exe().unwrap_or(itself) }
}

/// What is put into containers and images: `asked`, else what AGENTSCOPE_RUNTIME_BINARY names, else this program itself.
#[must_use]
pub fn runtime_binary(env: &Env, asked: Option<&Path>) -> PathBuf {
    let named = asked.or_else(|| env.var("AGENTSCOPE_RUNTIME_BINARY").map(Path::new));
    named.map_or_else(program, |path| env.cwd.join(path))
}

/// The architecture that the executable at `path` is for, as OCI calls it, such as `amd64`.
///
/// # Errors
/// One that cannot run in any image, or is no agentscope, with what to do instead.
pub fn architecture(path: &Path) -> Result<String, SandboxError> {
    let reading = || SandboxError::io(format!("read `{}`", shown(path).display()));
    let mut file = File::open(path).map_err(reading())?;
    inspect(&mut file).map_err(reading())?.map_err(|unfit| unusable(path, &unfit))
}

/// Whether it is of this version and no other program, which takes reading all of it.
///
/// # Errors
/// Another program.
pub fn verify(path: &Path) -> Result<(), SandboxError> {
    let found = File::open(path).and_then(|file| marked(io::BufReader::new(file)));
    match found.map_err(SandboxError::io(format!("read `{}`", shown(path).display())))? {
        true => Ok(()),
        false => Err(unusable(path, &Unfit::Foreign)),
    }
}

pub(super) fn unusable(path: &Path, unfit: &Unfit) -> SandboxError {
    SandboxError::Failed {
        what: format!("`{}` cannot be put into containers: it {unfit}", shown(path).display()),
        hint: Some(
            "name a static one of this version with `--runtime-binary FILE` or AGENTSCOPE_RUNTIME_BINARY; releases are \
             static, and `cargo rustc --release --bin agentscope -- -C target-feature=+crt-static` builds one"
                .to_owned(),
        ),
    }
}

/// As the user knows it.
pub(super) fn shown(path: &Path) -> PathBuf {
    let itself = path.starts_with("/proc/self").then(|| std::fs::read_link(path).ok()).flatten();
    itself.unwrap_or_else(|| path.to_owned())
}

/// Whether [`MARK`] stands in a file.
fn marked(mut file: impl io::BufRead) -> io::Result<bool> {
    let mut piece = vec![];
    while file.read_until(BOUND, &mut piece)? > 0 {
        if piece == MARK.as_bytes()[1..] {
            return Ok(true);
        }
        piece.clear();
    }
    Ok(false)
}

/// The same for an engine of architecture `arch`.
pub(super) fn check(file: &mut (impl io::Read + io::Seek), arch: &str) -> io::Result<Result<(), Unfit>> {
    Ok(inspect(file)?.and_then(|machine| match machine == arch {
        true => Ok(()),
        false => Err(Unfit::Architecture(machine, arch.to_owned())),
    }))
}

/// Reads the ELF header and the program headers (System V ABI, chapter 4): 64 bits, little endian, as all machines
/// that we build for are. Gives the architecture.
fn inspect(file: &mut (impl io::Read + io::Seek)) -> io::Result<Result<String, Unfit>> {
    const INTERPRETER: u32 = 3;
    let mut head = [0; 64];
    match file.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Err(Unfit::NotElf)),
        other => other?,
    }
    if head[..6] != *b"\x7fELF\x02\x01" {
        return Ok(Err(Unfit::NotElf));
    }
    let half = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    let machine = match half(18) {
        62 => "amd64".to_owned(),
        183 => "arm64".to_owned(),
        243 => "riscv64".to_owned(),
        other => format!("machine {other}"),
    };
    let (start, size, count) = (&head[32..40], u64::from(half(54)), u64::from(half(56)));
    let start = start.iter().rev().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    for index in 0..count {
        file.seek(io::SeekFrom::Start(start.saturating_add(index * size)))?;
        let mut kind = [0; 4];
        file.read_exact(&mut kind)?;
        if u32::from_le_bytes(kind) == INTERPRETER {
            return Ok(Err(Unfit::Dynamic));
        }
    }
    Ok(Ok(machine))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_program_of_this_version_is_sent() {
        let mark = |text: &str| marked(io::Cursor::new(text.as_bytes().to_vec())).unwrap();
        assert!(mark(&format!("\u{7f}ELF\u{1e}.{MARK}\0rest")));
        assert!(!mark(&MARK.replace("agentscope", "agentscript")) && !mark(&MARK.replace(" runs", ".9 runs")));
        assert!(!mark(""));
        let other = tempfile::NamedTempFile::new().unwrap();
        let text = verify(other.path()).unwrap_err().to_string();
        assert!(
            text.ends_with(concat!("cannot be put into containers: it is not agentscope ", env!("CARGO_PKG_VERSION"))),
            "{text}"
        );
    }

    /// An ELF file with one program header of this kind.
    fn elf(machine: u16, kind: u32) -> Vec<u8> {
        let mut file = vec![0; 64 + 56];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[18..20].copy_from_slice(&machine.to_le_bytes());
        file[32] = 64;
        file[54] = 56;
        file[56] = 1;
        file[64..68].copy_from_slice(&kind.to_le_bytes());
        file
    }

    #[test]
    fn only_a_static_executable_of_the_engines_architecture_is_sent() {
        let checked = |bytes: Vec<u8>| check(&mut io::Cursor::new(bytes), "amd64").unwrap();
        assert_eq!(checked(elf(62, 1)), Ok(()));
        assert_eq!(checked(elf(62, 3)), Err(Unfit::Dynamic));
        assert_eq!(checked(elf(183, 1)), Err(Unfit::Architecture("arm64".to_owned(), "amd64".to_owned())));
        assert_eq!(checked(b"#!/bin/sh\n".to_vec()), Err(Unfit::NotElf));
        assert_eq!(checked(vec![0; 100]), Err(Unfit::NotElf));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agentscope");
        std::fs::write(&path, elf(62, 3)).unwrap();
        let error = architecture(&path).unwrap_err();
        let text = error.to_string().replace(&folder.path().display().to_string(), "[DIR]");
        insta::assert_snapshot!(text, @"`[DIR]/agentscope` cannot be put into containers: it is dynamically linked, so it runs only where its libraries are");
    }
}
