#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod answers;
mod generator;
mod oracle;
mod requests;
mod wire;

use bytes::Bytes;
use prost::Message as _;
use samspor_proto::{
    gateway::{ListNodtilgangerRequest, ListNodtilgangerResponse, Nodtilgang},
    klassifisering::{Klasser, kontrakter},
    tilgang::Dataklasse,
};

use super::*;

const LIST: &str = "/samspor.gateway.v1.NodtilgangService/ListNodtilganger";
const PERSON: &str = "6f1c2a34-0b5d-4e6f-8a90-123456789abc";

#[test]
fn a_list_is_cut_record_by_record() {
    let plans = Plans::compile(kontrakter()).unwrap();
    let plan = plans.response(LIST).unwrap();
    let record = |id: &str| Nodtilgang {
        name: format!("personer/{PERSON}/nodtilganger/{id}"),
        etag: "e1".into(),
        enhet: "enheter/rop".into(),
        ansatt: "a-17".into(),
        begrunnelse: "secret".into(),
        vurdering: "also".into(),
        ..Default::default()
    };
    let body = Bytes::from(
        ListNodtilgangerResponse {
            nodtilganger: vec![record("n1"), record("n2")],
            next_page_token: "owner".into(),
        }
        .encode_to_vec(),
    );
    let found = plan.records(&body).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].head.eier, "rop");
    assert_eq!(found[0].person, Some(PERSON));
    let teknisk = Klasser::av(&[Dataklasse::Teknisk]);
    let keep = Keep {
        head: teknisk,
        own: teknisk,
        other: teknisk,
        unit: "rop",
        show_etag: false,
        skjerming: EncodedSkjerming::NONE,
    };
    let outer = Outer {
        klasser: teknisk,
        next_page_token: Some("sealed"),
    };
    let cut = plan
        .rebuild(&body, outer, &[Verdict::Drop, Verdict::Keep(keep)])
        .unwrap();
    let cut = ListNodtilgangerResponse::decode(cut).unwrap();
    assert_eq!(cut.next_page_token, "sealed");
    let expected = Nodtilgang {
        etag: String::new(),
        begrunnelse: String::new(),
        vurdering: String::new(),
        ..record("n2")
    };
    assert_eq!(cut.nodtilganger, [expected]);
}

#[test]
fn a_request_says_what_it_asks() {
    let plans = Plans::compile(kontrakter()).unwrap();
    let plan = plans.request(LIST).unwrap();
    let body = Bytes::from(
        ListNodtilgangerRequest {
            parent: "enheter/rop".into(),
            page_size: 20,
            page_token: "t".into(),
            bare_ventende: true,
        }
        .encode_to_vec(),
    );
    let info = plan.inspect(&body).unwrap();
    assert_eq!(info.name.unwrap().enhet, Some("rop"));
    assert_eq!((info.page_size, info.page_token), (20, "t"));
    let next = plan.with_page(&body, 7, "n").unwrap();
    let next = ListNodtilgangerRequest::decode(next).unwrap();
    assert_eq!((next.page_size, next.page_token.as_str()), (7, "n"));
}
