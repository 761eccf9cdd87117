//! The routes, as the Python client uses them.

use std::fs;

use axum::body::Body;
use http::{Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use super::Place;
use crate::sandbox::daemon::files::routes;

async fn send(place: &Place, request: Request<Body>) -> Response<Body> {
    let router: axum::Router = routes(std::sync::Arc::clone(&place.root));
    TowerToHyperService::new(router).call(request).await.unwrap()
}

/// Status and body; the time of an entry is left out.
async fn said(place: &Place, method: &str, path: &str, body: impl Into<Body>) -> String {
    let request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
    text(send(place, request).await).await
}

async fn text(response: Response<Body>) -> String {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    let body = match serde_json::from_str::<serde_json::Value>(&body) {
        Ok(mut json) => {
            let each: Vec<&mut serde_json::Value> = match &mut json {
                serde_json::Value::Array(entries) => entries.iter_mut().collect(),
                one => vec![one],
            };
            for entry in each {
                if let Some(entry) = entry.as_object_mut()
                    && entry.remove("mtime_ms").is_some_and(|time| time.as_i64().unwrap() <= 0)
                {
                    panic!("no time");
                }
            }
            json.to_string()
        }
        Err(_) => body,
    };
    format!("{status} {}", body.replace('\0', "0"))
}

#[tokio::test]
async fn the_routes_of_the_contract() {
    let place = Place::new();
    let mut told = vec![];
    for (method, path, body) in [
        ("PUT", "/workspace/file?path=a/b.txt", "hello"),
        ("PUT", "/workspace/file?path=a", "x"),
        ("PUT", "/workspace/file?path=../x", "x"),
        ("GET", "/workspace/file?path=/workspace/a/b.txt", ""),
        ("GET", "/workspace/file?path=a/b.txt&format=bytes", ""),
        ("GET", "/workspace/file?path=gone", ""),
        ("GET", "/workspace/file?path=a", ""),
        ("GET", "/workspace/file", ""),
        ("GET", "/workspace/list?path=/workspace", ""),
        ("GET", "/workspace/list?path=.&depth=2", ""),
        ("GET", "/workspace/list?path=.&depth=0", ""),
        ("GET", "/workspace/list?path=gone", ""),
        ("GET", "/workspace/exists?path=a/b.txt", ""),
        ("GET", "/workspace/exists?path=gone", ""),
        ("GET", "/workspace/exists?path=%2e%2e%2fws-evil", ""),
        ("POST", "/workspace/mkdir", r#"{"path": "new/dir"}"#),
        ("POST", "/workspace/mkdir", r#"{"path": "new/dir"}"#),
        ("POST", "/workspace/mkdir", r#"{"path": "a/b.txt"}"#),
        ("POST", "/workspace/mkdir", "{}"),
        ("POST", "/workspace/move", r#"{"source": "a/b.txt", "destination": "x/y.txt"}"#),
        ("POST", "/workspace/move", r#"{"source": "gone", "destination": "x/y.txt"}"#),
        ("GET", "/v1/files/stat?path=x/y.txt", ""),
        ("DELETE", "/workspace/entry?path=x", ""),
        ("DELETE", "/workspace/entry?path=x", ""),
        ("DELETE", "/workspace/entry?path=/workspace", ""),
        ("DELETE", "/workspace/entry?path=/etc", ""),
    ] {
        told.push(format!("{method} {path} {body}\n  {}", said(&place, method, path, body).await));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    PUT /workspace/file?path=a/b.txt hello
      200 {"path":"/workspace/a/b.txt","name":"b.txt","type":"file","size":5}
    PUT /workspace/file?path=a x
      409 {"detail":"`a` is a folder","code":"is_folder","message":"`a` is a folder"}
    PUT /workspace/file?path=../x x
      403 {"detail":"Permission error. Access restricted to /workspace directory.","code":"outside","message":"`..` is outside the workspace"}
    GET /workspace/file?path=/workspace/a/b.txt 
      200 hello
    GET /workspace/file?path=a/b.txt&format=bytes 
      200 hello
    GET /workspace/file?path=gone 
      404 {"detail":"not found","code":"not_found","message":"there is no `gone`"}
    GET /workspace/file?path=a 
      404 {"detail":"not found","code":"not_found","message":"there is no `a`"}
    GET /workspace/file 
      422 {"detail":"Failed to deserialize query string: missing field `path`","code":"invalid","message":"Failed to deserialize query string: missing field `path`"}
    GET /workspace/list?path=/workspace 
      200 [{"path":"/workspace/a","name":"a","type":"dir","size":null}]
    GET /workspace/list?path=.&depth=2 
      200 [{"path":"/workspace/a","name":"a","type":"dir","size":null},{"path":"/workspace/a/b.txt","name":"b.txt","type":"file","size":5}]
    GET /workspace/list?path=.&depth=0 
      422 {"detail":"depth: at least 1","code":"invalid","message":"depth: at least 1"}
    GET /workspace/list?path=gone 
      404 {"detail":"not found","code":"not_found","message":"there is no `gone`"}
    GET /workspace/exists?path=a/b.txt 
      200 {"exists":true}
    GET /workspace/exists?path=gone 
      200 {"exists":false}
    GET /workspace/exists?path=%2e%2e%2fws-evil 
      403 {"detail":"Permission error. Access restricted to /workspace directory.","code":"outside","message":"`../ws-evil` is outside the workspace"}
    POST /workspace/mkdir {"path": "new/dir"}
      200 {"created":true}
    POST /workspace/mkdir {"path": "new/dir"}
      200 {"created":false}
    POST /workspace/mkdir {"path": "a/b.txt"}
      409 {"detail":"`a/b.txt` is not a folder","code":"not_folder","message":"`a/b.txt` is not a folder"}
    POST /workspace/mkdir {}
      400 {"detail":"the body does not fit: missing field `path` at line 1 column 2","code":"invalid","message":"the body does not fit: missing field `path` at line 1 column 2"}
    POST /workspace/move {"source": "a/b.txt", "destination": "x/y.txt"}
      200 {"path":"/workspace/x/y.txt","name":"y.txt","type":"file","size":5}
    POST /workspace/move {"source": "gone", "destination": "x/y.txt"}
      404 {"detail":"source not found","code":"not_found","message":"there is no `gone`"}
    GET /v1/files/stat?path=x/y.txt 
      200 {"path":"/workspace/x/y.txt","name":"y.txt","type":"file","size":5}
    DELETE /workspace/entry?path=x 
      204 
    DELETE /workspace/entry?path=x 
      204 
    DELETE /workspace/entry?path=/workspace 
      400 {"detail":"`.` does not end in a name","code":"invalid","message":"`.` does not end in a name"}
    DELETE /workspace/entry?path=/etc 
      403 {"detail":"Permission error. Access restricted to /workspace directory.","code":"outside","message":"`/etc` is outside the workspace"}
    "#);
    place.assert_untouched();
}

#[tokio::test]
async fn parts_of_a_file() {
    let place = Place::new();
    fs::write(place.ws("f"), "0123456789").unwrap();
    fs::File::create(place.ws("giant")).unwrap().set_len(1 << 40).unwrap();
    let mut told = vec![];
    for (path, range) in [
        ("f", "bytes=2-4"),
        ("f", "bytes=7-"),
        ("f", "bytes=-3"),
        ("f", "bytes=5-99"),
        ("f", "bytes=10-"),
        ("f", "lines=1-2"),
        ("giant", "bytes=0-3"),
        ("giant", "bytes=0-"),
    ] {
        let uri = format!("/workspace/file?path={path}&format=bytes");
        let request = Request::builder().uri(uri).header(header::RANGE, range).body(Body::empty()).unwrap();
        let response = send(&place, request).await;
        let content = response.headers().get(header::CONTENT_RANGE).map(|range| range.to_str().unwrap().to_owned());
        told.push(format!("{path} {range}: {} {}", content.unwrap_or_default(), text(response).await));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    f bytes=2-4: bytes 2-4/10 206 234
    f bytes=7-: bytes 7-9/10 206 789
    f bytes=-3: bytes 7-9/10 206 789
    f bytes=5-99: bytes 5-9/10 206 56789
    f bytes=10-: bytes */10 416 {"detail":"the range is not in the file, which has 10 bytes","code":"range","message":"the range is not in the file, which has 10 bytes"}
    f lines=1-2:  200 0123456789
    giant bytes=0-3: bytes 0-3/1099511627776 206 0000
    giant bytes=0-:  413 {"detail":"`giant` is larger than 1048576 bytes","code":"too_large","message":"`giant` is larger than 1048576 bytes"}
    "#);
}

#[tokio::test]
async fn an_upload_is_whole_or_not_at_all() {
    let place = Place::with_limit(100);
    fs::write(place.ws("f"), "before").unwrap();
    insta::assert_snapshot!(said(&place, "PUT", "/workspace/file?path=f", vec![b'x'; 101]).await, @r#"413 {"detail":"`f` is larger than 100 bytes","code":"too_large","message":"`f` is larger than 100 bytes"}"#);
    let cut = futures_util::stream::iter([Ok("half"), Err(std::io::Error::other("gone"))]);
    insta::assert_snapshot!(said(&place, "PUT", "/workspace/file?path=f", Body::from_stream(cut)).await, @r#"400 {"detail":"the body was cut off: gone","code":"invalid","message":"the body was cut off: gone"}"#);
    assert_eq!(fs::read_to_string(place.ws("f")).unwrap(), "before");
    assert_eq!(place.all(), ["f"]);
}

fn form(fields: &[(&str, Option<&str>, &str)]) -> Request<Body> {
    let mut body = String::new();
    for (name, file, content) in fields {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        body.push_str(&format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n"));
    }
    body.push_str("--XX--\r\n");
    Request::post("/workspace/files%3Abatch")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=XX")
        .body(body.into())
        .unwrap()
}

#[tokio::test]
async fn a_batch() {
    let place = Place::new();
    let mut told = vec![];
    for fields in [
        // Paths may come before the files or after them, or be the names of the files.
        vec![("paths", None, "d/one"), ("files", Some("x"), "1"), ("files", Some("y"), "2"), ("paths", None, "two")],
        vec![("files", Some("three"), "3")],
        vec![("paths", None, "a"), ("files", Some("x"), "1"), ("files", Some("y"), "2")],
        vec![("files", None, "3")],
        vec![("paths", None, "d"), ("files", Some("x"), "1")],
        vec![("paths", None, "../x"), ("files", Some("x"), "1")],
    ] {
        told.push(text(send(&place, form(&fields)).await).await);
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    200 [{"path":"/workspace/d/one","name":"one","type":"file","size":1},{"path":"/workspace/two","name":"two","type":"file","size":1}]
    200 [{"path":"/workspace/three","name":"three","type":"file","size":1}]
    400 {"detail":"2 files came with 1 paths","code":"invalid","message":"2 files came with 1 paths"}
    400 {"detail":"a file came without a path","code":"invalid","message":"a file came without a path"}
    409 {"detail":"`d` is a folder","code":"is_folder","message":"`d` is a folder"}
    403 {"detail":"Permission error. Access restricted to /workspace directory.","code":"outside","message":"`..` is outside the workspace"}
    "#);
    assert_eq!(place.all(), ["d", "d/one", "three", "two"]);
    place.assert_untouched();
}

#[tokio::test]
async fn a_folder_out_and_in() {
    let place = Place::new();
    fs::create_dir(place.ws("src")).unwrap();
    fs::write(place.ws("src/f"), vec![7; 200_000]).unwrap();
    let request = Request::get("/v1/files/archive?path=src").body(Body::empty()).unwrap();
    let tar = send(&place, request).await.into_body().collect().await.unwrap().to_bytes();
    insta::assert_snapshot!(said(&place, "PUT", "/v1/files/archive?path=dst", tar).await, @r#"200 {"files":1,"folders":1,"links":0,"bytes":200000}"#);
    assert_eq!(fs::read(place.ws("dst/src/f")).unwrap(), vec![7; 200_000]);
    insta::assert_snapshot!(said(&place, "PUT", "/v1/files/archive?path=dst", vec![b'x'; 600]).await, @r#"422 {"detail":"the archive is refused: it is not a whole tar archive, plain or compressed by gzip","code":"archive","message":"the archive is refused: it is not a whole tar archive, plain or compressed by gzip"}"#);
    insta::assert_snapshot!(said(&place, "GET", "/v1/files/archive?path=gone", "").await, @r#"404 {"detail":"not found","code":"not_found","message":"there is no `gone`"}"#);
}

#[tokio::test]
async fn the_file_tools_as_a_server_has_them() {
    let place = Place::new();
    let listed = said(&place, "GET", "/mcp/list_tools", "").await;
    assert!(
        listed.starts_with(r#"200 {"filesystem":{"read_file":{"name":"read_file","json_schema":{"type":"function""#)
    );
    let mut told = vec![];
    for body in [
        r#"{"tool_name": "write_file", "arguments": {"path": "f", "content": "x"}}"#,
        r#"{"tool_name": "read_file", "arguments": {"path": "gone"}}"#,
        r#"{"tool_name": "rm_rf", "arguments": {}}"#,
        "[",
    ] {
        told.push(said(&place, "POST", "/mcp/call_tool", body).await);
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    200 {"meta":null,"content":[{"type":"text","text":"Successfully wrote to f","annotations":null}],"isError":false}
    200 {"meta":null,"content":[{"type":"text","text":"Error: there is no `gone`","annotations":null}],"isError":true}
    404 {"detail":"Tool 'rm_rf' not found."}
    400 {"detail":"the body does not fit: EOF while parsing a list at line 1 column 1","code":"invalid","message":"the body does not fit: EOF while parsing a list at line 1 column 1"}
    "#);
}

#[tokio::test]
async fn what_changed_lately() {
    let place = Place::new();
    fs::create_dir_all(place.ws("node_modules/x")).unwrap();
    fs::write(place.ws("node_modules/x/f"), "").unwrap();
    fs::write(place.ws("f"), "").unwrap();
    // The time that a program can set does not count.
    let file = fs::File::open(place.ws("f")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1)).unwrap();
    insta::assert_snapshot!(place.root.changed(1_000_000).unwrap().files.len(), @"1");
    let later = jiff::Timestamp::now().as_millisecond() + 60_000;
    insta::assert_snapshot!(said(&place, "GET", &format!("/v1/files/changed?since={later}"), "").await, @r#"200 {"files":[],"cut":false}"#);
}
