//! `diglot serve`

use super::output::{Output, Style};
use super::setup::{Configured, configure, is_note};
use super::start_lines::{self, Start};
use super::{Common, Failure, ServeOptions, demo};
use crate::auth::{OpenSignUp, Secrets};
use crate::http::{self, Edge, Metrics};
use crate::telemetry;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

pub(super) const EXAMPLES: &str = "\
Examples:
  diglot serve                               the configuration's database, else the demo
  diglot serve app.db --listen 127.0.0.1:0   prints the port that it got
  diglot serve postgres://me@localhost/shop --listen 0.0.0.0:4000 --access closed";

/// So many names that things are served under are said at the start.
const RENAMES: usize = 20;

/// Most time for an answer about metrics.
const SCRAPING: Duration = Duration::from_secs(10);

pub(super) async fn serve(
    common: &Common,
    database: Option<String>,
    options: &ServeOptions,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mut configured = configure(common, database, true)?;
    let listen = options
        .listen
        .clone()
        .unwrap_or_else(|| configured.config.server.listen.clone());
    let limits = limits(&configured);
    // The port first: where it is taken nothing else should happen.
    let listener = http::bind(&listen)
        .await
        .map_err(|error| Failure::usage(cannot_listen(&listen, &error)))?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::usage(cannot_listen(&listen, &error)))?;
    let metrics = match &configured.config.telemetry.metrics_listen {
        None => None,
        Some(listen) => {
            let listener = http::bind(listen).await;
            Some(listener.map_err(|error| Failure::usage(format!("metrics: {}", cannot_listen(listen, &error))))?)
        }
    };
    if metrics.is_some() || configured.config.telemetry.metrics_token.is_some() {
        telemetry::count();
    }
    if configured.demo {
        if demo::make().await? {
            let text = format!("made the demo database {}", demo::database().display());
            if output.is_json() {
                output.event(&text, [])?
            } else {
                output.line(&text)?
            };
        }
        configured = configure(common, None, true)?;
    }
    if !address.ip().is_loopback() && options.access.is_none() && configured.config.access.default.is_none() {
        return Err(Failure::usage(format!(
            "{listen} can be reached from other machines, and nothing says who may do what with tables that have no rules. \
             Say it: --access closed (only what is configured exists), or --access convention (owner columns scope, the rest \
             is open); or default = \"…\" under [access]. Or listen on 127.0.0.1"
        )));
    }
    let access = configured.access(options.access);
    let secrets = Secrets::load(&configured.config.auth, &configured.folder()).map_err(Failure::usage)?;
    for warning in configured.warnings.iter().chain(&secrets.warnings) {
        tracing::warn!("{warning}");
    }
    let ready = configured.start(access, &secrets.jwt_secret).await?;
    let snapshot = ready.engine.snapshot();
    for finding in ready.findings.iter().filter(|finding| !is_note(finding)) {
        tracing::warn!("{}", configured.located(finding));
    }
    // Names of GraphQL's are said one by one; relations between the same tables have numbers of them in any database.
    let (renamed, taken): (Vec<_>, Vec<_>) = ready
        .findings
        .iter()
        .filter(|finding| is_note(finding))
        .partition(|finding| finding.message.starts_with("GraphQL:"));
    for note in renamed.iter().take(RENAMES) {
        tracing::info!("{}", note.message);
    }
    let more = renamed.len().saturating_sub(RENAMES) + taken.len();
    if more > 0 {
        tracing::info!(
            "{more} names were taken or cannot be said and are served under others: diglot check lists them"
        );
    }
    let open = OpenSignUp(address.ip().is_loopback());
    let edge = Arc::new(configured.edge(ready, &secrets, open).await?);
    let start = Start {
        address,
        metrics: metrics.as_ref().and_then(|listener| listener.local_addr().ok()),
        database: &configured.database,
        config: &configured.config,
        access,
        snapshot: &snapshot,
        secrets: &secrets,
    };
    start_lines::write(output, &start)?;
    drop(snapshot);

    // It answers until the process ends, so that the end can be seen, too.
    if let Some(listener) = metrics {
        let metrics = Arc::new(Edge::new(Metrics(Arc::clone(&edge)), SCRAPING));
        tokio::spawn(http::serve(listener, metrics, limits.clone(), std::future::pending()));
    }
    let in_time = http::serve(listener, edge, limits, stop()).await;
    if !in_time {
        tracing::warn!("some requests were cut off: they took longer than shutdown_timeout");
    }
    if !output.is_json() {
        output.line(&output.styled(Style::Quiet, "ended"))?;
    } else {
        output.event("ended", [])?;
    }
    Ok(ExitCode::SUCCESS)
}

fn limits(configured: &Configured) -> http::Limits {
    let server = &configured.config.server;
    http::Limits {
        header_timeout: server.header_timeout(),
        shutdown_timeout: server.shutdown_timeout(),
        idle_timeout: http::IDLE,
        cors_origins: server.cors_origins.clone(),
        hosts: server.hosts.clone(),
    }
}

fn cannot_listen(listen: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{listen} is in use: another process listens there; choose another port with --listen, or port 0 for any free one"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("{listen}: ports below 1024 need the right to them; choose a higher one")
        }
        io::ErrorKind::AddrNotAvailable => format!("{listen}: this machine has no such address"),
        io::ErrorKind::InvalidInput => format!("{listen:?} is no address; write 127.0.0.1:4000"),
        _ => format!("cannot listen on {listen}: {error}"),
    }
}

/// Done at SIGTERM or SIGINT; a second one does not wait.
async fn stop() {
    signal().await;
    tracing::info!("ending: no new connections, what has begun is finished");
    tokio::spawn(async {
        signal().await;
        std::process::exit(130);
    });
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        _ => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
