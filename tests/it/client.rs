//! HTTP as it goes over the wire, and those who speak it.
//!
//! A client of its own: the cases send targets, headers and bodies that no library would.

use crate::world::{ADMIN_SECRET, ANON_KEY, JWT_SECRET};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use std::fmt;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Most time for one exchange.
const LIMIT: Duration = Duration::from_secs(30);

/// A request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub method: String,
    /// Path and query; what cannot stand in a request line is escaped when it is sent.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub(crate) fn get(target: &str) -> Self {
        Self {
            method: "GET".into(),
            target: target.into(),
            ..Self::default()
        }
    }

    pub(crate) fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".into(), "application/json".into())];
        Self {
            method: "POST".into(),
            target: target.into(),
            headers,
            body: body.into(),
        }
    }

    #[must_use]
    pub(crate) fn with(mut self, headers: impl IntoIterator<Item = (String, String)>) -> Self {
        self.headers.extend(headers);
        self
    }
}

impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, clip(&self.target))?;
        if !self.body.is_empty() {
            write!(formatter, " {}", clip(&String::from_utf8_lossy(&self.body)))?;
        }
        Ok(())
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }

    /// All headers of a name, as one.
    pub(crate) fn headers_of(&self, name: &str) -> String {
        let found = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Result<serde_json::Value, String> {
        serde_json::from_slice(&self.body).map_err(|error| format!("no JSON ({error})"))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(&self.body) {
            Ok(text) => write!(formatter, "{} {}", self.status, clip(text)),
            Err(_) => write!(formatter, "{} and {} bytes", self.status, self.body.len()),
        }
    }
}

/// Long texts in reports have an end.
pub(crate) fn clip(text: &str) -> String {
    let most = 1500;
    if text.chars().count() > most {
        format!(
            "{}… ({} bytes)",
            text.chars().take(most).collect::<String>(),
            text.len()
        )
    } else {
        text.to_owned()
    }
}

/// One exchange on a connection of its own.
pub(crate) async fn send(address: SocketAddr, request: &Request) -> io::Result<Answer> {
    match tokio::time::timeout(LIMIT, exchange(address, request)).await {
        Ok(result) => result,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")),
    }
}

/// A request as it goes over the wire; the server closes the connection after it.
pub(crate) fn bytes(address: SocketAddr, request: &Request) -> Vec<u8> {
    let mut head = format!(
        "{} {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n",
        request.method,
        escaped(&request.target)
    );
    for (name, value) in &request.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if !request.body.is_empty() || matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") {
        let _ = write!(head, "Content-Length: {}\r\n", request.body.len());
    }
    head += "\r\n";
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&request.body);
    bytes
}

async fn exchange(address: SocketAddr, request: &Request) -> io::Result<Answer> {
    let bytes = bytes(address, request);
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut reading, mut writing) = stream.split();
    let mut received = Vec::new();
    // A server may refuse before it has read everything.
    let (_, read) = tokio::join!(writing.write_all(&bytes), reading.read_to_end(&mut received));
    if received.is_empty() {
        read?;
    }
    parse(&received, request.method == "HEAD").ok_or_else(|| {
        let start = String::from_utf8_lossy(&received[..received.len().min(300)]).into_owned();
        io::Error::new(io::ErrorKind::InvalidData, format!("no HTTP: {start:?}"))
    })
}

/// Escapes what cannot stand in a request line; what is escaped already stays.
fn escaped(target: &str) -> String {
    let mut out = String::with_capacity(target.len());
    for byte in target.bytes() {
        match byte {
            b' ' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0..=31 | 127.. => {
                let _ = write!(out, "%{byte:02X}");
            }
            other => out.push(char::from(other)),
        }
    }
    out
}

fn parse(bytes: &[u8], head_only: bool) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .map(|line| {
            line.split_once(':')
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        })
        .collect::<Option<_>>()?;
    let mut answer = Answer {
        status,
        headers,
        body: bytes[end + 4..].to_vec(),
    };
    if head_only || status == 304 {
        // Nothing may follow.
        return answer.body.is_empty().then_some(answer);
    }
    if answer
        .header("transfer-encoding")
        .is_some_and(|encoding| encoding.eq_ignore_ascii_case("chunked"))
    {
        answer.body = unchunked(&answer.body)?;
    } else if let Some(length) = answer.header("content-length") {
        let length: usize = length.parse().ok()?;
        (answer.body.len() == length).then_some(())?;
    }
    Some(answer)
}

fn unchunked(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&bytes[..end]).ok()?.split(';').next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        bytes = &bytes[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(bytes.get(..size)?);
        bytes = bytes.get(size + 2..)?;
    }
}

// ---------------------------------------------------------------------------------------------------- who asks

/// Who asks, as a case names them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Who {
    /// Nothing is shown.
    Anonymous,
    /// The anon key.
    AnonKey,
    /// The admin secret.
    Admin,
    /// A role with an id and other variables.
    Role {
        role: String,
        id: Option<String>,
        variables: Vec<(String, serde_json::Value)>,
    },
    /// A token of `user 1` that must be refused.
    Refused(BadToken),
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum BadToken {
    Expired,
    Forged,
    Unsigned,
    Malformed,
    WrongKey,
    WrongSecret,
}

impl Who {
    /// `"anonymous"`, `"anon-key"`, `"admin"`, `"user 2"`, `"editor"`, or `{ role = "manager", id = "1", team_ids = [1, 3] }`.
    pub(crate) fn parse(value: &toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::String(text) => Ok(match text.as_str() {
                "anonymous" => Self::Anonymous,
                "anon-key" => Self::AnonKey,
                "admin" => Self::Admin,
                "expired token" => Self::Refused(BadToken::Expired),
                "forged token" => Self::Refused(BadToken::Forged),
                "unsigned token" => Self::Refused(BadToken::Unsigned),
                "malformed token" => Self::Refused(BadToken::Malformed),
                "wrong key" => Self::Refused(BadToken::WrongKey),
                "wrong secret" => Self::Refused(BadToken::WrongSecret),
                other => {
                    let (role, id) = other
                        .split_once(' ')
                        .map_or((other, None), |(role, id)| (role, Some(id.to_owned())));
                    Self::Role {
                        role: role.to_owned(),
                        id,
                        variables: Vec::new(),
                    }
                }
            }),
            toml::Value::Table(table) => {
                let mut variables = Vec::new();
                let (mut role, mut id) = (None, None);
                for (name, value) in table {
                    match (name.as_str(), value) {
                        ("role", toml::Value::String(text)) => role = Some(text.clone()),
                        ("id", toml::Value::String(text)) => id = Some(text.clone()),
                        ("role" | "id", _) => return Err(format!("{name} must be a text")),
                        _ => variables.push((
                            name.clone(),
                            serde_json::to_value(value).map_err(|error| error.to_string())?,
                        )),
                    }
                }
                Ok(Self::Role {
                    role: role.ok_or("somebody without a role")?,
                    id,
                    variables,
                })
            }
            other => Err(format!("{other} is nobody")),
        }
    }

    /// Whether credentials are shown.
    pub(crate) fn shows_nothing(&self) -> bool {
        *self == Self::Anonymous
    }

    /// The ways in which they can show who they are: headers, each with a word for reports.
    pub(crate) fn ways(&self) -> Vec<(&'static str, Vec<(String, String)>)> {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let secret = || header("x-diglot-admin-secret", ADMIN_SECRET);
        match self {
            Self::Anonymous => vec![("nothing", Vec::new())],
            Self::AnonKey => vec![
                ("anon key", vec![header("apikey", ANON_KEY)]),
                ("admin secret", vec![secret(), header("x-diglot-role", "anonymous")]),
            ],
            Self::Admin => vec![("admin secret", vec![secret()])],
            Self::Role { role, id, variables } => {
                let mut headers = vec![secret(), header("x-diglot-role", role)];
                headers.extend(id.iter().map(|id| header("x-diglot-user-id", id)));
                for (name, value) in variables {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    headers.push((format!("x-diglot-{}", name.replace('_', "-")), text));
                }
                let token = token(role, id.as_deref(), variables, true, JWT_SECRET);
                let mut ways = vec![("admin secret", headers)];
                // A token without a subject names nobody.
                if id.is_some() {
                    ways.insert(0, ("token", vec![header("Authorization", &format!("Bearer {token}"))]));
                }
                ways
            }
            Self::Refused(bad) => vec![("bad credential", vec![bad.header()])],
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => formatter.write_str("anonymous"),
            Self::AnonKey => formatter.write_str("anon-key"),
            Self::Admin => formatter.write_str("admin"),
            Self::Role { role, id, variables } => {
                write!(formatter, "{role}")?;
                if let Some(id) = id {
                    write!(formatter, " {id}")?;
                }
                for (name, value) in variables {
                    write!(formatter, " {name}={value}")?;
                }
                Ok(())
            }
            Self::Refused(bad) => write!(formatter, "{bad:?} credential"),
        }
    }
}

impl BadToken {
    fn header(self) -> (String, String) {
        let bearer = |token: String| ("Authorization".to_owned(), format!("Bearer {token}"));
        let good = || token("user", Some("1"), &[], true, JWT_SECRET);
        match self {
            Self::Expired => bearer(token("user", Some("1"), &[], false, JWT_SECRET)),
            Self::Forged => bearer(token(
                "user",
                Some("1"),
                &[],
                true,
                "another secret, of somebody else, 0123456789abcdef",
            )),
            Self::Unsigned => {
                let good = good();
                let claims = good.split('.').nth(1).unwrap();
                // {"alg":"none","typ":"JWT"}
                bearer(format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}."))
            }
            Self::Malformed => bearer("not.a.token".into()),
            Self::WrongKey => ("apikey".into(), "not the anon key".into()),
            Self::WrongSecret => ("x-diglot-admin-secret".into(), "not the admin secret".into()),
        }
    }
}

fn token(role: &str, id: Option<&str>, variables: &[(String, serde_json::Value)], valid: bool, secret: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims = serde_json::Map::new();
    if let Some(id) = id {
        claims.insert("sub".into(), id.into());
    }
    claims.insert("role".into(), role.into());
    claims.insert("exp".into(), if valid { now + 3600 } else { now - 3600 }.into());
    for (name, value) in variables {
        claims.insert(name.clone(), value.clone());
    }
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
}
