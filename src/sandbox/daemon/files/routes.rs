//! The HTTP side of files: `/workspace/…` and the file tools as the Python runtime has them, and what it lacks as
//! `/v1/files/…`.

use std::{fs::File, io, ops::Range, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Query, Request, State},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use rustix::fs::ResolveFlags;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio_util::io::{ReaderStream, SyncIoBridge};

use super::{
    Changed, Entry, Extracted, FileError,
    ops::Onto,
    root::{Root, parent, size},
    tools,
};

/// Most files of one batch, and most bytes of the paths that come with it.
const MOST_FILES: usize = 256;
const MOST_PATHS: usize = 1 << 20;
/// Most bytes of a JSON body.
const MOST_JSON: usize = 64 << 10;
/// Most bytes of a call of a tool: a file, written as JSON.
const MOST_CALL: usize = 64 << 20;

type Rooted = State<Arc<Root>>;

/// An answer in JSON.
struct Json<T>(T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

/// All routes, without `/fastapi` before them and without who may use them.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(root: Arc<Root>) -> Router<S> {
    Router::new()
        .route("/workspace/file", get(download).put(upload))
        .route("/workspace/files:batch", post(batch))
        // Some clients encode the colon, and routes are compared before decoding.
        .route("/workspace/files%3Abatch", post(batch))
        .route("/workspace/files%3abatch", post(batch))
        .route("/workspace/list", get(list))
        .route("/workspace/exists", get(exists))
        .route("/workspace/entry", delete(remove))
        .route("/workspace/move", post(rename))
        .route("/workspace/mkdir", post(mkdir))
        .route("/mcp/list_tools", get(list_tools))
        .route("/mcp/call_tool", post(call_tool))
        .route("/v1/files/changed", get(changed))
        .route("/v1/files/stat", get(stat))
        .route("/v1/files/archive", get(pack).put(unpack))
        .with_state(root)
}

impl IntoResponse for FileError {
    fn into_response(self) -> Response {
        let message = self.to_string();
        // The two texts that the Python runtime has.
        let detail = match &self {
            Self::NotFound(_) => "not found",
            Self::Outside(_) => "Permission error. Access restricted to /workspace directory.",
            _ => &message,
        };
        let body = Json(json!({"detail": detail, "code": self.code(), "message": message}));
        let mut response = (self.status(), body).into_response();
        if let Self::Range { size } = self
            && let Ok(range) = HeaderValue::from_str(&format!("bytes */{size}"))
        {
            response.headers_mut().insert(header::CONTENT_RANGE, range);
        }
        response
    }
}

/// A request that says something else than what the route takes.
struct Unfit(String);

impl From<Unfit> for Response {
    fn from(unfit: Unfit) -> Self {
        unfit.into_response()
    }
}

impl IntoResponse for Unfit {
    fn into_response(self) -> Response {
        let body = Json(json!({"detail": self.0, "code": "invalid", "message": self.0}));
        (StatusCode::UNPROCESSABLE_ENTITY, body).into_response()
    }
}

/// Runs what waits for the disk where it holds up nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(FileError::Io { path: ".".to_owned(), source: io::Error::other(error) }))
}

#[derive(Deserialize)]
struct At {
    path: String,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Text,
    Bytes,
}

#[derive(Deserialize)]
struct FileQuery {
    path: String,
    #[serde(default)]
    format: Format,
}

fn query<T>(query: Asked<T>) -> Result<T, Unfit> {
    query.map(|Query(query)| query).map_err(|error| Unfit(error.body_text()))
}

type Asked<T> = Result<Query<T>, axum::extract::rejection::QueryRejection>;

async fn download(State(root): Rooted, asked: Asked<FileQuery>, headers: HeaderMap) -> Result<Response, Response> {
    let FileQuery { path, format } = query(asked)?;
    if format == Format::Text {
        let text = blocking(move || root.read_text(&path)).await.map_err(no_file)?;
        return Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response());
    }
    bytes(root, path, &headers).await.map_err(no_file)
}

/// In the Python runtime a folder is no file, and so not found.
fn no_file(error: FileError) -> Response {
    match error {
        FileError::IsFolder(path) => FileError::NotFound(path),
        error => error,
    }
    .into_response()
}

/// A file, or the part of it that is asked for, as it is read. A file larger than the box may write, which is a sparse
/// one, is only given in parts.
async fn bytes(root: Arc<Root>, path: String, headers: &HeaderMap) -> Result<Response, FileError> {
    let most = root.most();
    let (file, stat) = blocking({
        let path = path.clone();
        move || root.open_file(&path)
    })
    .await?;
    let size = size(&stat);
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok()).map(|range| part(range, size));
    let (status, range) = match range {
        Some(Some(range)) => (StatusCode::PARTIAL_CONTENT, range?),
        // What is not understood is not there.
        Some(None) | None => (StatusCode::OK, 0..size),
    };
    if range.end - range.start > most {
        return Err(FileError::TooLarge { what: format!("`{path}`"), most });
    }
    let mut file = tokio::fs::File::from_std(file);
    file.seek(io::SeekFrom::Start(range.start)).await.map_err(FileError::io(&path))?;
    let length = range.end - range.start;
    let body = Body::from_stream(ReaderStream::with_capacity(file.take(length), 64 << 10));
    let mut response = (status, [(header::CONTENT_TYPE, "application/octet-stream")], body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = HeaderValue::from_str(&format!("bytes {}-{}/{size}", range.start, range.end - 1))
    {
        headers.insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

/// `bytes=A-B`, `bytes=A-` or `bytes=-N`; `None` for anything else.
fn part(range: &str, size: u64) -> Option<Result<Range<u64>, FileError>> {
    let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) };
    let range: Range<u64> = match (number(start)?, number(end)?) {
        (None, None) => return None,
        (None, Some(last)) => size.saturating_sub(last)..size,
        (Some(start), None) => start..size,
        (Some(start), Some(end)) if end >= start => start..end.saturating_add(1).min(size),
        (Some(_), Some(_)) => return None,
    };
    Some(if range.is_empty() { Err(FileError::Range { size }) } else { Ok(range) })
}

async fn upload(State(root): Rooted, asked: Asked<At>, request: Request) -> Result<Json<Entry>, Response> {
    let At { path } = query(asked)?;
    receive(root, path, request.into_body()).await.map(Json).map_err(IntoResponse::into_response)
}

async fn receive(root: Arc<Root>, path: String, body: Body) -> Result<Entry, FileError> {
    let mut staged = blocking({
        let (root, path) = (Arc::clone(&root), path.clone());
        move || {
            let place = root.locate(&path)?;
            root.make_folders(&parent(&place), ResolveFlags::empty())?;
            root.stage(&place, ResolveFlags::empty())
        }
    })
    .await?;
    let failed = FileError::io(&path);
    let mut file = tokio::fs::File::from_std(staged.file().try_clone().map_err(&failed)?);
    let mut body = body.into_data_stream();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| FileError::Invalid(format!("the body was cut off: {error}")))?;
        staged.take(chunk.len() as u64)?;
        file.write_all(&chunk).await.map_err(&failed)?;
    }
    file.flush().await.map_err(&failed)?;
    blocking(move || {
        staged.commit()?;
        root.entry(&path)
    })
    .await
}

/// A part of a batch: what it holds, in a file without a name.
struct Part {
    name: Option<String>,
    file: File,
}

async fn batch(State(root): Rooted, request: Request) -> Result<Json<Vec<Entry>>, Response> {
    let (parts, paths) = collect(Arc::clone(&root), request).await.map_err(IntoResponse::into_response)?;
    place(root, parts, paths).await.map(Json).map_err(IntoResponse::into_response)
}

async fn collect(root: Arc<Root>, request: Request) -> Result<(Vec<Part>, Vec<String>), FileError> {
    let unreadable = |error: multer::Error| FileError::Invalid(format!("the form cannot be read: {error}"));
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).map_err(unreadable)?;
    let mut form = multer::Multipart::new(request.into_body().into_data_stream(), boundary);
    let (mut parts, mut paths) = (vec![], vec![]);
    let (mut left, mut room, mut names) = (root.most(), u64::MAX, MOST_PATHS);
    while let Some(mut field) = form.next_field().await.map_err(unreadable)? {
        match field.name() {
            Some("paths") => {
                let mut text = vec![];
                while let Some(chunk) = field.chunk().await.map_err(unreadable)? {
                    let too_large =
                        || FileError::TooLarge { what: "the list of paths".to_owned(), most: MOST_PATHS as u64 };
                    names = names.checked_sub(chunk.len()).ok_or_else(too_large)?;
                    text.extend_from_slice(&chunk);
                }
                paths.push(String::from_utf8(text).map_err(|_| FileError::Invalid("a path is not UTF-8".to_owned()))?);
            }
            Some("files") => {
                if parts.len() == MOST_FILES {
                    return Err(FileError::TooMany { what: "the batch".to_owned(), most: MOST_FILES });
                }
                let name = field.file_name().map(str::to_owned);
                let root = Arc::clone(&root);
                let most = root.most();
                let (scratch, free) = blocking(move || root.scratch()).await?;
                room = room.min(free);
                let failed = FileError::io(name.as_deref().unwrap_or("the file"));
                let mut file = tokio::fs::File::from_std(scratch.try_clone().map_err(&failed)?);
                while let Some(chunk) = field.chunk().await.map_err(unreadable)? {
                    let too_large = || FileError::TooLarge { what: "the batch".to_owned(), most };
                    left = left.checked_sub(chunk.len() as u64).ok_or_else(too_large)?;
                    room = room.checked_sub(chunk.len() as u64).ok_or_else(|| no_space("the batch"))?;
                    file.write_all(&chunk).await.map_err(&failed)?;
                }
                file.flush().await.map_err(&failed)?;
                parts.push(Part { name, file: scratch });
            }
            _ => {}
        }
    }
    Ok((parts, paths))
}

fn no_space(what: &str) -> FileError {
    FileError::NoSpace(what.to_owned())
}

/// Puts the files where they belong, once all of them are there.
async fn place(root: Arc<Root>, parts: Vec<Part>, paths: Vec<String>) -> Result<Vec<Entry>, FileError> {
    if !paths.is_empty() && paths.len() != parts.len() {
        let (files, paths) = (parts.len(), paths.len());
        return Err(FileError::Invalid(format!("{files} files came with {paths} paths")));
    }
    blocking(move || {
        let mut paths = paths.into_iter();
        let mut staged = vec![];
        for mut part in parts {
            let path = paths.next().or(part.name.take()).filter(|path| !path.is_empty());
            let path = path.ok_or_else(|| FileError::Invalid("a file came without a path".to_owned()))?;
            let place = root.locate(&path)?;
            root.make_folders(&parent(&place), ResolveFlags::empty())?;
            let mut target = root.stage(&place, ResolveFlags::empty())?;
            let failed = FileError::io(&path);
            io::Seek::rewind(&mut part.file).map_err(&failed)?;
            target.take(part.file.metadata().map_err(&failed)?.len())?;
            io::copy(&mut part.file, &mut target.file()).map_err(&failed)?;
            staged.push((path, target));
        }
        staged
            .into_iter()
            .map(|(path, target)| {
                target.commit()?;
                root.entry(&path)
            })
            .collect()
    })
    .await
}

#[derive(Deserialize)]
struct ListQuery {
    path: String,
    depth: Option<usize>,
}

async fn list(State(root): Rooted, asked: Asked<ListQuery>) -> Result<Json<Vec<Entry>>, Response> {
    let ListQuery { path, depth } = query(asked)?;
    let depth = depth.unwrap_or(1);
    if depth == 0 {
        return Err(Unfit("depth: at least 1".to_owned()).into_response());
    }
    let listed = blocking(move || match root.list(&path, depth) {
        // As the Python runtime has it.
        Err(FileError::NotFolder(path)) => Err(FileError::NotFound(path)),
        listed => listed,
    });
    listed.await.map(Json).map_err(IntoResponse::into_response)
}

async fn exists(State(root): Rooted, asked: Asked<At>) -> Result<Response, Response> {
    let At { path } = query(asked)?;
    let exists = blocking(move || root.exists(&path)).await.map_err(IntoResponse::into_response)?;
    Ok(Json(json!({"exists": exists})).into_response())
}

async fn stat(State(root): Rooted, asked: Asked<At>) -> Result<Json<Entry>, Response> {
    let At { path } = query(asked)?;
    blocking(move || root.entry(&path)).await.map(Json).map_err(IntoResponse::into_response)
}

async fn remove(State(root): Rooted, asked: Asked<At>) -> Result<StatusCode, Response> {
    let At { path } = query(asked)?;
    blocking(move || root.remove(&path)).await.map_err(IntoResponse::into_response)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A JSON body, whatever its content type says.
async fn body<T: serde::de::DeserializeOwned>(request: Request, most: usize) -> Result<T, Response> {
    let limited = http_body_util::Limited::new(request.into_body(), most);
    let bytes = limited
        .collect()
        .await
        .map_err(|error| FileError::Invalid(format!("the body cannot be read: {error}")).into_response())?
        .to_bytes();
    serde_json::from_slice(&bytes)
        .map_err(|error| FileError::Invalid(format!("the body does not fit: {error}")).into_response())
}

#[derive(Deserialize)]
struct Move {
    source: String,
    destination: String,
}

async fn rename(State(root): Rooted, request: Request) -> Result<Json<Entry>, Response> {
    let Move { source, destination } = body(request, MOST_JSON).await?;
    let moved = blocking(move || root.rename(&source, &destination, Onto::Replace, true));
    moved.await.map(Json).map_err(|error| match error {
        FileError::NotFound(_) => {
            let message = error.to_string();
            let body = json!({"detail": "source not found", "code": error.code(), "message": message});
            (StatusCode::NOT_FOUND, Json(body)).into_response()
        }
        error => error.into_response(),
    })
}

async fn mkdir(State(root): Rooted, request: Request) -> Result<Response, Response> {
    let At { path } = body(request, MOST_JSON).await?;
    let made = blocking(move || root.mkdir(&path)).await.map_err(IntoResponse::into_response)?;
    Ok(Json(json!({"created": made})).into_response())
}

#[derive(Deserialize)]
struct Since {
    /// In milliseconds since 1970.
    since: i64,
}

async fn changed(State(root): Rooted, asked: Asked<Since>) -> Result<Json<Changed>, Response> {
    let Since { since } = query(asked)?;
    blocking(move || root.changed(since)).await.map(Json).map_err(IntoResponse::into_response)
}

async fn list_tools() -> Response {
    Json(json!({tools::SERVER: tools::catalogue()})).into_response()
}

#[derive(Deserialize)]
struct ToolCall {
    tool_name: String,
    #[serde(default)]
    arguments: Value,
}

async fn call_tool(State(root): Rooted, request: Request) -> Result<Response, Response> {
    let ToolCall { tool_name, arguments } = body(request, MOST_CALL).await?;
    if !tools::is_file_tool(&tool_name) {
        let body = Json(json!({"detail": format!("Tool '{tool_name}' not found.")}));
        return Err((StatusCode::NOT_FOUND, body).into_response());
    }
    let said = blocking(move || tools::call(&root, &tool_name, arguments)).await;
    let (text, is_error) = match said {
        Ok(text) => (text, false),
        Err(error) => (format!("Error: {error}"), true),
    };
    let content = json!([{"type": "text", "text": text, "annotations": null}]);
    Ok(Json(json!({"meta": null, "content": content, "isError": is_error})).into_response())
}

/// A tar archive as it is made. What goes wrong on the way cuts the body off, so that no client takes it for whole.
async fn pack(State(root): Rooted, asked: Asked<At>) -> Result<Response, Response> {
    let At { path } = query(asked)?;
    blocking({
        let (root, path) = (Arc::clone(&root), path.clone());
        move || root.weigh(&path)
    })
    .await
    .map_err(IntoResponse::into_response)?;
    let (writer, reader) = tokio::io::duplex(64 << 10);
    let work = tokio::task::spawn_blocking(move || root.pack(&path, SyncIoBridge::new(writer)));
    let end = futures_util::stream::once(work).filter_map(async |ended| match ended {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Err(io::Error::other(error))),
        Err(error) => Some(Err(io::Error::other(error))),
    });
    let body = Body::from_stream(ReaderStream::new(reader).map_ok(|bytes| bytes).chain(end));
    Ok(([(header::CONTENT_TYPE, "application/x-tar")], body).into_response())
}

async fn unpack(State(root): Rooted, asked: Asked<At>, request: Request) -> Result<Json<Extracted>, Response> {
    let At { path } = query(asked)?;
    spool(root, path, request.into_body()).await.map(Json).map_err(IntoResponse::into_response)
}

async fn spool(root: Arc<Root>, path: String, body: Body) -> Result<Extracted, FileError> {
    let most = root.most();
    let (mut scratch, mut room) = blocking({
        let root = Arc::clone(&root);
        move || root.scratch()
    })
    .await?;
    let failed = FileError::io("the archive");
    let mut file = tokio::fs::File::from_std(scratch.try_clone().map_err(&failed)?);
    let mut left = most;
    let mut body = body.into_data_stream();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| FileError::Invalid(format!("the body was cut off: {error}")))?;
        let too_large = || FileError::TooLarge { what: "the archive".to_owned(), most };
        left = left.checked_sub(chunk.len() as u64).ok_or_else(too_large)?;
        room = room.checked_sub(chunk.len() as u64).ok_or_else(|| no_space("the archive"))?;
        file.write_all(&chunk).await.map_err(&failed)?;
    }
    file.flush().await.map_err(&failed)?;
    blocking(move || root.unpack(&path, &mut scratch)).await
}
