//! Which plans the unit's persons have, and what the units offer.

use samspor_chassis::testing::{Database, request_id};
use samspor_proto::{
    felles::Feilgrunn,
    rop::{
        AvsluttAktivitetstilbudRequest, AvsluttHovedforlopRequest, AvsluttTiltakRequest,
        Eksklusjon, Forlop, HentPlandekningRequest, HentStatistikkRequest,
        ListAktivitetstilbudRequest, ListPlanmanglerRequest, Plantall, Plantype,
    },
};

use super::{
    DAY, P,
    benk::{Benk, Hvem},
    foresporsler::{behandling, dag, forlop, primaer, publiser, tilbud, tiltak},
    plan,
    rettelser::slutt,
};

samspor_chassis::on_both_databases! {
    who_has_and_who_lacks_each_plan,
    coverage_of_a_day_is_the_same_whenever_it_is_asked,
    offers_of_all_units_are_found_from_their_first_day,
}

const ENHET: &str = "enheter/rop";

fn person(n: u32) -> String {
    format!("personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7c{n:04x}")
}

/// Those who have and those who lack a plan of treatment, a crisis plan, a
/// primary contact, a pathway.
fn celler(planer: &[Plantall]) -> Vec<(i32, i32)> {
    let all = [
        Plantype::Behandlingsplan,
        Plantype::Kriseplan,
        Plantype::Primaerkontakt,
        Plantype::Hovedforlop,
    ];
    let order: Vec<Plantype> = planer.iter().map(Plantall::plan).collect();
    assert_eq!(order, all);
    planer.iter().map(|row| (row.har, row.mangler)).collect()
}

async fn dekning(benk: &Benk) -> (i32, Vec<(i32, i32)>) {
    let request = HentPlandekningRequest {
        parent: ENHET.into(),
    };
    let counted = benk.ok(request).await.plandekning.unwrap();
    (counted.personer, celler(&counted.planer))
}

/// Who lacks a plan, page by page.
async fn mangler(benk: &Benk, plan: Plantype) -> Vec<String> {
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListPlanmanglerRequest {
            parent: ENHET.into(),
            page_size: 2,
            page_token,
            plan: plan.into(),
        };
        let page = benk.ok(request).await;
        for row in &page.planmangler {
            assert!(row.siden.is_some());
            assert!(plan == Plantype::Unspecified || row.plan() == plan);
        }
        found.extend(page.planmangler.into_iter().map(|row| row.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

async fn begynn(benk: &Benk, person: &str) -> String {
    let mut request = tiltak("");
    request.parent = person.to_owned();
    benk.ok(request).await.tiltak.unwrap().name
}

pub(crate) fn ferdig(name: &str) -> AvsluttTiltakRequest {
    AvsluttTiltakRequest {
        name: name.into(),
        request_id: request_id(),
        begrunnelse: "målet er nådd".into(),
    }
}

/// Seen red: with plans that are not counted anew when one is written.
async fn who_has_and_who_lacks_each_plan(database: Database) {
    let benk = Benk::start(&database).await;
    // Plans of a person whom the unit does not deliver to are not counted.
    benk.ok(plan("")).await;
    assert_eq!(dekning(&benk).await, (0, vec![(0, 0); 4]));
    let first = begynn(&benk, P).await;
    assert_eq!(
        dekning(&benk).await,
        (1, vec![(0, 1), (1, 0), (0, 1), (0, 1)])
    );
    for n in 0..4 {
        begynn(&benk, &person(n)).await;
    }
    // A second one for the same person counts the person once.
    let second = begynn(&benk, P).await;

    benk.ok(behandling(&benk, 60, "")).await;
    let contact = benk.ok(primaer("t1")).await.primaerkontakt.unwrap();
    benk.ok(primaer("t2")).await;
    let pathway = benk.ok(forlop(Forlop::To, &dag(&benk, 0))).await;
    assert_eq!(dekning(&benk).await, (5, vec![(1, 4); 4]));
    for list in [Plantype::Behandlingsplan, Plantype::Hovedforlop] {
        let expected = (0..4).map(person);
        let names = mangler(&benk, list).await;
        let persons = names
            .iter()
            .map(|name| name.rsplitn(3, '/').last().unwrap());
        assert!(persons.eq(expected), "{names:?}");
    }
    let all = mangler(&benk, Plantype::Unspecified).await;
    assert_eq!(all.len(), 16);
    let expected = format!("{}/planmangler/kriseplan", person(0));
    assert_eq!(all[4], expected, "by plan, then by person");

    // A contact that was replaced is no contact to end; the pathway ends.
    assert_eq!(
        benk.avslag(slutt(&contact.name)).await.grunn,
        Feilgrunn::UgyldigOvergang
    );
    benk.ok(AvsluttHovedforlopRequest {
        name: pathway.hovedforlop.unwrap().name,
        request_id: request_id(),
        til: dag(&benk, 0),
        begrunnelse: "ferdig".into(),
    })
    .await;
    assert_eq!(
        dekning(&benk).await,
        (5, vec![(1, 4), (1, 4), (1, 4), (0, 5)])
    );
    assert_eq!(mangler(&benk, Plantype::Hovedforlop).await.len(), 5);
    benk.ok(ferdig(&first)).await;
    assert_eq!(dekning(&benk).await.0, 5, "another goes on");
    benk.ok(ferdig(&second)).await;
    assert_eq!(
        dekning(&benk).await,
        (4, vec![(0, 4), (0, 4), (0, 4), (0, 4)])
    );
    let refusal = benk
        .avslag(HentPlandekningRequest {
            parent: "enheter/".into(),
        })
        .await;
    assert_eq!(refusal.felt, [("parent".into(), Feilgrunn::FeltForm)]);
}

/// Seen red: with what holds now for what held that day.
async fn coverage_of_a_day_is_the_same_whenever_it_is_asked(database: Database) {
    let benk = Benk::start(&database).await;
    for n in 0..7 {
        begynn(&benk, &person(n)).await;
        if n < 3 {
            let mut written = plan("");
            written.parent = person(n);
            benk.ok(written).await;
        }
    }
    let day = dag(&benk, 0);
    benk.clock.advance(DAY);
    let ask = || async {
        let request = HentStatistikkRequest {
            parent: ENHET.into(),
            fra: day.clone(),
            til: day.clone(),
        };
        let answer = benk.ok(request).await.statistikk.unwrap();
        celler(&answer.planer)
    };
    let expected = [(0, 7), (3, 4), (0, 7), (0, 7)];
    assert_eq!(ask().await, expected);
    let mut late = plan("");
    late.parent = person(5);
    benk.ok(late).await;
    begynn(&benk, &person(9)).await;
    assert_eq!(ask().await, expected, "what came later is not of that day");
    assert_eq!(dekning(&benk).await.1[1], (4, 4));

    benk.clock.advance(DAY * 40);
    let month = publiser(day.rsplit_once('-').unwrap().0);
    let published = benk.ok(month).await.publisert_statistikk.unwrap();
    assert_eq!(
        celler(&published.planer),
        [(0, 10), (5, 5), (0, 10), (0, 10)]
    );
}

/// Seen red: with offers of days to come; with any unit that ends an offer.
async fn offers_of_all_units_are_found_from_their_first_day(database: Database) {
    let benk = Benk::start(&database).await;
    let bom = Hvem::enhet("bom");
    let of = |enhet: &str, excluded: &[Eksklusjon], fra: &str| {
        let mut request = tilbud(excluded);
        request.parent = format!("enheter/{enhet}");
        fra.clone_into(&mut request.gjelder_fra);
        request
    };
    let ours = benk.ok(of("rop", &[], "2026-01-01")).await;
    let ours = ours.aktivitetstilbud.unwrap().name;
    benk.clock.advance(std::time::Duration::from_secs(1));
    let theirs = of("bom", &[Eksklusjon::AktivRus], "2026-01-01");
    let theirs = benk.kall(&bom, theirs).await.unwrap();
    let theirs = theirs.aktivitetstilbud.unwrap();
    assert_eq!(theirs.ansvarlig_enhet, "enheter/bom");
    let to_come = benk.ok(of("rop", &[], &dag(&benk, 3))).await;
    let to_come = to_come.aktivitetstilbud.unwrap().name;

    // Each for itself alone, and only who delivers.
    let for_another = of("rop", &[], "2026-01-01");
    let refusal = benk.kall(&bom, for_another).await.unwrap_err();
    assert_eq!(refusal.felt, [("parent".into(), Feilgrunn::FeltForm)]);
    let end = |name: &str| AvsluttAktivitetstilbudRequest {
        name: name.into(),
        request_id: request_id(),
    };
    let refusal = benk.kall(&bom, end(&ours)).await.unwrap_err();
    assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt);
    let nav = Hvem::enhet("nav");
    let refusal = benk.kall(&nav, of("nav", &[], "2026-01-01")).await;
    assert_eq!(refusal.unwrap_err().grunn, Feilgrunn::IkkeTillatt);

    let search = |parent: &str, accepts: &[Eksklusjon]| ListAktivitetstilbudRequest {
        parent: parent.into(),
        godtar: accepts.iter().map(|one| (*one).into()).collect(),
        ..Default::default()
    };
    let found = |request: ListAktivitetstilbudRequest| async {
        let answer = benk.kall(&nav, request).await.unwrap();
        let offers = answer.aktivitetstilbud.into_iter();
        let names: Vec<String> = offers.map(|offer| offer.name).collect();
        names.join(" ")
    };
    let all = "enheter/-";
    let active = [Eksklusjon::AktivRus];
    let both = format!("{ours} {}", theirs.name);
    assert_eq!(found(search(all, &[])).await, both);
    assert_eq!(found(search(all, &active)).await, ours);
    assert_eq!(found(search("enheter/bom", &[])).await, theirs.name);
    assert_eq!(found(search("enheter/bom", &active)).await, "");
    assert_eq!(found(search(ENHET, &[])).await, ours);
    benk.clock.advance(DAY * 3);
    let begun = format!("{ours} {to_come}");
    assert_eq!(found(search(all, &active)).await, begun);
    assert_eq!(found(search(ENHET, &[])).await, begun);
    benk.kall(&bom, end(&theirs.name)).await.unwrap();
    assert_eq!(found(search(all, &[])).await, begun);
}
