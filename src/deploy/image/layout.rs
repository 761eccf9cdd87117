//! An image as files: an OCI image layout (folder or tar), with the `manifest.json` by which older engines load it.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use serde_json::json;

use super::{Blob, Cache, Digest, Image, MANIFEST};
use crate::deploy::DeployError;

/// How many of the lowest layers whoever reads the archive has already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Omitted(pub usize);

/// Writes the image to `path`, called `name`: a tar where it ends so, a folder otherwise. Images that are in the folder
/// stay in it only as contents.
///
/// # Errors
/// A folder that holds something else; as the file system says.
pub fn write(image: &Image, name: &str, cache: &Cache, path: &Path) -> Result<(), DeployError> {
    let failed = || DeployError::io(format!("write `{}`", path.display()));
    if path.extension().is_some_and(|extension| extension == "tar") {
        return to_file(image, name, cache, path).map_err(failed());
    }
    if !is_ours(path).map_err(failed())? {
        return Err(DeployError::Usage {
            what: format!("`{}` holds something else than an OCI image layout", path.display()),
            hint: "name a new folder, an empty one, or a file that ends in `.tar`".to_owned(),
        });
    }
    to_folder(image, name, cache, path).map_err(failed())
}

/// Whether a folder can be written to: it is new, empty, or a layout.
fn is_ours(folder: &Path) -> io::Result<bool> {
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
        Ok(mut entries) => Ok(entries.next().is_none() || folder.join("oci-layout").is_file()),
    }
}

fn to_file(image: &Image, name: &str, cache: &Cache, path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().permissions(readable()).tempfile_in(folder)?;
    tar(image, name, cache, Omitted(0), io::BufWriter::new(file.as_file_mut()))?;
    file.persist(path)?;
    Ok(())
}

/// As files that the user makes are, less what his umask takes.
#[cfg(unix)]
fn readable() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}

fn to_folder(image: &Image, name: &str, cache: &Cache, folder: &Path) -> io::Result<()> {
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs)?;
    for (digest, bytes) in documents(image) {
        std::fs::write(blobs.join(digest.hex()), bytes)?;
    }
    for layer in &image.layers {
        let to = blobs.join(layer.blob.digest.hex());
        if !std::fs::metadata(&to).is_ok_and(|found| found.len() == layer.blob.size) {
            io::copy(&mut File::open(cache.path(&layer.blob.digest))?, &mut File::create(&to)?)?;
        }
    }
    for (file, text) in indices(image, name) {
        std::fs::write(folder.join(file), text)?;
    }
    Ok(())
}

/// Writes the image as one archive, without those layers that the reader has.
///
/// # Errors
/// As the writer and the cache say.
pub fn tar(image: &Image, name: &str, cache: &Cache, omitted: Omitted, out: impl Write) -> io::Result<()> {
    let mut archive = ::tar::Builder::new(out);
    // Small things first: a reader that streams knows what comes.
    for (file, text) in indices(image, name) {
        put(&mut archive, file, text.len() as u64, text.as_bytes())?;
    }
    for (digest, bytes) in documents(image) {
        put(&mut archive, &blob_path(&digest), bytes.len() as u64, bytes)?;
    }
    let mut written = vec![];
    for layer in image.layers.iter().skip(omitted.0) {
        let Blob { digest, size } = &layer.blob;
        if !written.contains(&digest) {
            put(&mut archive, &blob_path(digest), *size, File::open(cache.path(digest))?)?;
            written.push(digest);
        }
    }
    archive.into_inner()?.flush()
}

fn put(archive: &mut ::tar::Builder<impl Write>, path: &str, size: u64, data: impl io::Read) -> io::Result<()> {
    let mut header = ::tar::Header::new_gnu();
    header.set_entry_type(::tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    archive.append_data(&mut header, path, data)
}

fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn documents(image: &Image) -> [(Digest, &[u8]); 2] {
    [(image.digest(), &image.manifest), (image.id(), &image.config)]
}

fn indices(image: &Image, name: &str) -> [(&'static str, String); 3] {
    let index = json!({
        "schemaVersion": 2,
        "mediaType": super::INDEX,
        "manifests": [{
            "mediaType": MANIFEST,
            "digest": image.digest().to_string(),
            "size": image.manifest.len(),
            "platform": { "architecture": image.architecture, "os": "linux" },
            "annotations": {
                // By these containerd and the tools for layouts call it.
                "io.containerd.image.name": name,
                "org.opencontainers.image.ref.name": name.rsplit_once(':').map_or(name, |(_, tag)| tag),
            },
        }],
    });
    let layers: Vec<String> = image.layers.iter().map(|layer| blob_path(&layer.blob.digest)).collect();
    let manifest = json!([{ "Config": blob_path(&image.id()), "RepoTags": [name], "Layers": layers }]);
    [
        ("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#.to_owned()),
        ("index.json", index.to_string()),
        ("manifest.json", manifest.to_string()),
    ]
}
