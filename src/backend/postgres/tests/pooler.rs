//! A server whose sessions are not one's own.

use super::*;
use crate::error::Kind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A message of the server: its letter, its length, its body.
fn message(letter: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[letter][..], &length.to_be_bytes(), body].concat()
}

/// What a pooler for transactions does to whoever asks for the session: all are the same one.
async fn pool(mut stream: TcpStream) -> std::io::Result<()> {
    loop {
        let length = stream.read_u32().await?;
        let mut body = vec![0; length as usize - 4];
        stream.read_exact(&mut body).await?;
        // Encryption is not to be had; what follows is the greeting.
        if body != 80_877_103_u32.to_be_bytes() {
            break;
        }
        stream.write_all(b"N").await?;
    }
    let ready = message(b'Z', b"I");
    let greeting = [
        message(b'R', &0_u32.to_be_bytes()),
        message(b'S', b"server_version\x0015.0\x00"),
        message(b'K', &[0, 0, 0, 1, 0, 0, 0, 1]),
        ready.clone(),
    ];
    stream.write_all(&greeting.concat()).await?;
    loop {
        let letter = stream.read_u8().await?;
        let mut body = vec![0; stream.read_u32().await? as usize - 4];
        stream.read_exact(&mut body).await?;
        if letter == b'Q' {
            let column = b"\x00\x01pid\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x17\x00\x04\xff\xff\xff\xff\x00\x00";
            let answer = [
                message(b'T', column),
                message(b'D', b"\x00\x01\x00\x00\x00\x044711"),
                message(b'C', b"SELECT 1\x00"),
                ready.clone(),
            ];
            stream.write_all(&answer.concat()).await?;
        }
    }
}

#[tokio::test]
async fn a_pooler_of_transactions_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pool(stream));
        }
    });
    let settings = Settings {
        url: format!("postgres://somebody@127.0.0.1:{port}/shop"),
        schemas: vec![],
        statement_timeout: Duration::from_secs(1),
        pool_size: 1,
    };
    let Err(error) = Postgres::connect(&settings).await else {
        panic!("connected to a pooler");
    };
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.message.contains("session mode"), "{error:?}");
}
