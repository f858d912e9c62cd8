//! How a service lives and dies.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::BodyExt as _;
use samspor_chassis::{
    border::Limits,
    id::SeededIds,
    server::{ServiceConfig, StartError, start},
    telemetry::FinishedSpan,
    tid::{TestClock, Tid},
};
use samspor_proto::{
    felles::Feilgrunn,
    gateway::{AvsluttNodtilgangRequest, ListNodtilgangerResponse, StartNodtilgangResponse},
    hendelse::AbonnerRequest,
};
use tonic::{Code, Status, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tower::{Service as _, ServiceExt as _};

use crate::world::{
    ABONNER, AVSLUTT, CANARY, Demo, LIST, PERSON, START, World, framed, key, list_request,
    observed, plain, start_request, whole,
};

fn lazy(addr: SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{addr}"))
        .unwrap()
        .connect_lazy()
}

async fn health(world: &World) -> Result<ServingStatus, Status> {
    let addr = world.running.health_addr.unwrap();
    let answer = HealthClient::new(lazy(addr))
        .check(HealthCheckRequest {
            service: "rop".into(),
        })
        .await?;
    Ok(answer.into_inner().status())
}

/// Seen red: with health among the routes of the port for calls.
#[tokio::test]
async fn health_has_its_own_port_and_needs_no_permit() {
    let world = World::new().await;
    assert_eq!(health(&world).await.unwrap(), ServingStatus::Serving);

    let path = "/grpc.health.v1.Health/Check";
    let on_calls = world.send(plain(path, &framed(0, b""))).await;
    assert_eq!(on_calls.status.code(), Code::Unauthenticated);
    let with_permit = world.signed(&world.permit(path, b""), path, &framed(0, b""));
    assert_eq!(
        world.send(with_permit).await.status.code(),
        Code::Unimplemented
    );

    let addr = world.running.health_addr.unwrap();
    let channel = lazy(addr);
    let on_health = crate::world::send(&channel, world.attested(LIST, &list_request(""))).await;
    assert_eq!(on_health.status.code(), Code::Unimplemented);
}

/// Seen red: with a handler dropped when the service closes, with the body of a
/// stream not watching the drain, and with health not set.
#[tokio::test]
async fn a_drain_finishes_what_runs_and_ends_streams() {
    let world = World::new().await;
    let running_call = {
        let request = world.attested(LIST, &list_request("vent"));
        let channel = world.channel.clone();
        tokio::spawn(async move { crate::world::send(&channel, request).await })
    };
    world.hold.entered.acquire().await.unwrap().forget();

    let abonner = AbonnerRequest {
        parent: "enheter/rop".into(),
        tjeneste: "rop".into(),
        etter: 0,
    };
    let mut request = world.attested(ABONNER, &abonner);
    *request.uri_mut() = format!("http://rop{ABONNER}").parse().unwrap();
    let mut channel = world.channel.clone();
    let stream = channel.ready().await.unwrap().call(request).await.unwrap();
    assert!(!stream.headers().contains_key("grpc-status"));

    let World {
        running,
        hold,
        files,
        ..
    } = world;
    let (addr, health_addr) = (running.addr, running.health_addr.unwrap());
    let mut watch = HealthClient::new(lazy(health_addr))
        .watch(HealthCheckRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        watch.message().await.unwrap().unwrap().status(),
        ServingStatus::Serving
    );
    let shutdown = tokio::spawn(running.shutdown());
    assert_eq!(
        watch.message().await.unwrap().unwrap().status(),
        ServingStatus::NotServing
    );
    drop(watch);

    let ended = stream.into_body().collect().await.unwrap();
    let status = Status::from_header_map(ended.trailers().unwrap()).unwrap();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(
        samspor_chassis::status::grunn(&status),
        Some(Feilgrunn::Utilgjengelig)
    );

    assert!(!shutdown.is_finished(), "a call is still running");
    hold.release.add_permits(1);
    let answer = running_call.await.unwrap();
    assert_eq!(answer.status.code(), Code::Ok);
    shutdown.await.unwrap();
    for addr in [addr, health_addr] {
        assert!(tokio::net::TcpStream::connect(addr).await.is_err());
    }
    drop(files);
}

/// Seen red: with no limit around the wait for the server task.
#[tokio::test]
async fn a_drain_has_a_limit() {
    let world = World::with(|config| config.limits.longest_drain = Duration::from_millis(50)).await;
    let request = world.attested(LIST, &list_request("vent"));
    let channel = world.channel.clone();
    let call = tokio::spawn(async move {
        let mut channel = channel;
        let mut request = request;
        *request.uri_mut() = format!("http://rop{LIST}").parse().unwrap();
        channel.ready().await.unwrap().call(request).await
    });
    world.hold.entered.acquire().await.unwrap().forget();
    world.running.shutdown().await;
    assert!(!call.is_finished());
    call.abort();
    assert!(observed().log.text().contains("running calls were cut off"));
}

/// Without a socket, whose client would measure the deadline itself. Seen red:
/// with `Refused::Late` not returned for no time, and with the handler not
/// under `timeout_at`.
#[tokio::test]
async fn a_deadline_is_kept() {
    let world = World::new().await;
    let own = world.assembled(Limits::default()).await;
    for (timeout, runs) in [("0m", 0), ("4m", 0), ("0n", 0), ("60m", 1)] {
        let before = world.hold.ran();
        let mut request = world.attested(LIST, &list_request("vent"));
        request
            .headers_mut()
            .insert("grpc-timeout", timeout.parse().unwrap());
        let answer = own.service().oneshot(request).await.unwrap();
        let answer = whole(answer).await;
        assert_eq!(answer.status.code(), Code::DeadlineExceeded, "{timeout}");
        assert_eq!(answer.grunn(), Some(Feilgrunn::FristUte), "{timeout}");
        assert_eq!(world.hold.ran() - before, runs, "{timeout}");
    }
    own.shutdown().await;
    // The service's own limit holds for a caller that gives none.
    let own = world
        .assembled(Limits {
            longest_call: Duration::from_millis(60),
            ..Limits::default()
        })
        .await;
    let request = world.attested(LIST, &list_request("vent"));
    let answer = whole(own.service().oneshot(request).await.unwrap()).await;
    assert_eq!(answer.grunn(), Some(Feilgrunn::FristUte));
}

/// Seen red: with `catch_unwind` taken out (the connection breaks), and with
/// the panic's text in the log.
#[tokio::test]
async fn a_panic_is_internal_and_quotes_nothing() {
    let default = std::panic::take_hook();
    samspor_chassis::telemetry::install_panic_hook();
    let world = World::new().await;
    let request = AvsluttNodtilgangRequest {
        name: format!("{PERSON}/nodtilganger/1"),
        request_id: "0198c5a4-9a3e-7d52-b55d-5c9c3a5f0002".into(),
    };
    let answer = world.send(world.attested(AVSLUTT, &request)).await;
    assert_eq!(
        (
            answer.status.code(),
            answer.status.message(),
            answer.status.details()
        ),
        (Code::Internal, "", &[][..])
    );
    std::panic::set_hook(default);
    let log = observed().log.text();
    assert!(
        log.lines()
            .any(|line| line.contains("\"panicked\"") && line.contains("world.rs")),
        "{log}"
    );
    assert!(!log.contains(CANARY));
    // The connection and the store are as before.
    let next: StartNodtilgangResponse = world.call(START, &start_request()).await.unwrap();
    assert!(next.nodtilgang.is_some());
}

/// Seen red: with `acquire` in place of `try_acquire` (the second call waits).
#[tokio::test]
async fn more_than_it_can_do_is_refused_at_once() {
    let world = World::with(|config| {
        config.limits = Limits {
            running_calls: 1,
            ..Limits::default()
        };
    })
    .await;
    let first = {
        let request = world.attested(LIST, &list_request("vent"));
        let channel = world.channel.clone();
        tokio::spawn(async move { crate::world::send(&channel, request).await })
    };
    world.hold.entered.acquire().await.unwrap().forget();

    let second = world.send(world.attested(LIST, &list_request(""))).await;
    assert_eq!(second.status.code(), Code::Unavailable);
    assert_eq!(second.grunn(), Some(Feilgrunn::Utilgjengelig));
    let feil = samspor_chassis::status::feil(&second.status).unwrap();
    assert_eq!(feil.nokler["del"], "rop");
    // Whoever has no permit takes no place, and is told nothing of the load.
    let stranger = world.send(plain(LIST, &framed(0, b""))).await;
    assert_eq!(stranger.status.code(), Code::Unauthenticated);

    world.hold.release.add_permits(1);
    assert_eq!(first.await.unwrap().status.code(), Code::Ok);
    let third = world.send(world.attested(LIST, &list_request(""))).await;
    assert_eq!(third.status.code(), Code::Ok);
}

#[tokio::test]
async fn a_service_refuses_to_start_with_one_clear_line() {
    let files = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", files.path().join("x.db").display());
    let clock = Arc::new(TestClock::new(Tid(0)));
    let attempt = |change: fn(&mut ServiceConfig)| {
        let mut config = ServiceConfig::new(&url, key(1));
        change(&mut config);
        let ids = Arc::new(SeededIds::new(1, clock.clone()));
        start::<Demo>(config, clock.clone(), ids)
    };
    let error = |result: Result<_, StartError>| match result {
        Ok(_) => panic!("started"),
        Err(error) => {
            let line = error.to_string();
            assert!(!line.contains('\n'));
            line
        }
    };
    assert_eq!(
        error(attempt(|config| config.attestation_keys.clear()).await),
        "rop has no attestation key, so it would refuse every call"
    );
    error(attempt(|config| config.database_url = "mysql://x".into()).await);
    let missing = attempt(|config| {
        config.tls = Some(samspor_chassis::tls::ServerTls {
            certificate: "/nowhere/cert.pem".into(),
            key: "/nowhere/key.pem".into(),
            client_ca: None,
        });
    });
    assert!(error(missing.await).starts_with("TLS file /nowhere/cert.pem cannot be read"));

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = ServiceConfig::new(&url, key(1));
    config.addr = taken.local_addr().unwrap();
    let ids = Arc::new(SeededIds::new(1, clock.clone()));
    let line = error(start::<Demo>(config, clock.clone(), ids).await);
    assert!(line.starts_with(&format!("cannot listen on {}", taken.local_addr().unwrap())));
}

/// A panic in the service's own work is a defect, but the clocks go on. Seen
/// red: with `kept_up` awaiting the work and nothing else.
#[tokio::test]
async fn own_work_begins_again_after_a_panic() {
    let world = World::new().await;
    let mut request = start_request();
    request.varighet_minutter = 1;
    let _: StartNodtilgangResponse = world.call(START, &request).await.unwrap();
    let twice = async {
        for _ in 0..2 {
            // The ticker and its pause wait for the clock at moments of their own.
            while world.hold.entered.available_permits() == 0 {
                world.clock.advance(Duration::from_secs(10));
                tokio::task::yield_now().await;
            }
            world.hold.entered.acquire().await.unwrap().forget();
        }
    };
    tokio::time::timeout(Duration::from_mins(1), twice)
        .await
        .unwrap();
}

/// Ready means that the database answers. Seen red: with `answers` always true.
#[tokio::test]
async fn health_follows_the_database() {
    let world = World::new().await;
    let health_addr = world.running.health_addr.unwrap();
    let mut watch = HealthClient::new(lazy(health_addr))
        .watch(HealthCheckRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        watch.message().await.unwrap().unwrap().status(),
        ServingStatus::Serving
    );
    world.running.chassis().store().close().await;
    let told = async {
        let mut told = Box::pin(watch.message());
        loop {
            tokio::select! {
                biased;
                told = &mut told => break told.unwrap().unwrap().status(),
                () = tokio::task::yield_now() => world.clock.advance(Duration::from_secs(5)),
            }
        }
    };
    let told = tokio::time::timeout(Duration::from_mins(1), told).await;
    assert_eq!(told.unwrap(), ServingStatus::NotServing);
}

/// The same border stands in front of handlers without a port.
#[tokio::test]
async fn assembled_in_the_process_the_border_is_the_same() {
    let world = World::new().await;
    let own = world.assembled(Limits::default()).await;
    let refused = plain(LIST, &framed(0, b""));
    let refused = whole(own.service().oneshot(refused).await.unwrap()).await;
    assert_eq!(refused.status.code(), Code::Unauthenticated);
    let request = world.attested(LIST, &list_request(""));
    let answer = whole(own.service().oneshot(request).await.unwrap()).await;
    let list: ListNodtilgangerResponse = answer.decode().unwrap();
    assert!(list.nodtilganger.is_empty());
    own.shutdown().await;
}

/// The span of the one call of a trace.
pub(crate) fn server_spans(trace_id: &str) -> Vec<FinishedSpan> {
    observed()
        .spans
        .trace(trace_id)
        .into_iter()
        .filter(|span| span.kind == "server")
        .collect()
}
