//! The figures of the unit.

use samspor_chassis::{
    testing::{Database, request_id},
    tid::Clock as _,
};
use samspor_proto::{
    felles::Feilgrunn,
    rop::{Forlop, HentPublisertStatistikkRequest, HentStatistikkRequest, Kontaktutfall},
};

use super::{
    DAY,
    benk::{Benk, Hvem},
    foresporsler::{bestilt, dag, forlop, levert, publiser, tell, tiltak},
    kontakt,
};

samspor_chassis::on_both_databases! {
    figures_are_those_of_the_seed,
}

/// Seeds persons, contacts and hours, and computes from the seed what the
/// statistics must say.
///
/// Seen red: with anonymous counts from beyond the period.
async fn figures_are_those_of_the_seed(database: Database) {
    let benk = Benk::start(&database).await;
    // Somewhere in the middle of a month, two months on.
    benk.clock.advance(DAY * 80);
    let person = |n: u32| format!("personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7b{n:04x}");
    let (mut pathways, mut outcomes, mut minutes, mut waits) = ([0; 3], [0; 3], 0, Vec::new());
    for n in 0..14_u32 {
        let which = [Forlop::Et, Forlop::To, Forlop::Tre][(n % 3) as usize];
        pathways[(n % 3) as usize] += 1;
        let mut pathway = forlop(which, "2026-10-01");
        pathway.parent = person(n);
        benk.ok(pathway).await;
        let name = format!("{}/oppdrag/{}", person(n), request_id());
        benk.oppdrag.sett(bestilt(&benk, name.clone(), 1.0, 2.0));
        let mut begin = tiltak(&name);
        begin.parent = person(n);
        let begun = benk.ok(begin).await.tiltak.unwrap();
        if n < 11 {
            let outcome = [
                Kontaktutfall::Mott,
                Kontaktutfall::Mott,
                Kontaktutfall::IkkeMott,
            ][(n % 3) as usize];
            let mut contact = levert(&benk, &begun.name, outcome, 40, 0);
            contact.parent = person(n);
            benk.ok(contact).await;
            if outcome == Kontaktutfall::Mott {
                outcomes[0] += 1;
                minutes += 40;
                waits.push(10);
            } else {
                outcomes[1] += 1;
            }
        }
        benk.ok(tell(2, &dag(&benk, 0))).await;
    }
    let (fra, til) = (dag(&benk, 0), dag(&benk, 0));
    // The days around it are not counted.
    let mut before = kontakt(Kontaktutfall::Mott);
    before.tidspunkt = Some(benk.clock.now().minus(DAY * 2).into());
    benk.ok(before).await;
    benk.ok(tell(
        7,
        &samspor_chassis::domene::Dag::av(benk.clock.now().minus(DAY)).to_string(),
    ))
    .await;
    benk.clock.advance(DAY * 2);
    benk.ok(kontakt(Kontaktutfall::Mott)).await;
    benk.ok(tell(7, &dag(&benk, 0))).await;
    benk.clock.advance(DAY);
    let ask = |fra: &str, til: &str| HentStatistikkRequest {
        parent: "enheter/rop".into(),
        fra: fra.into(),
        til: til.into(),
    };
    let today = benk.avslag(ask(&fra, &dag(&benk, 0))).await;
    assert_eq!(today.felt, [("til".into(), Feilgrunn::FeltForm)]);
    let today = dag(&benk, 0);
    let early = publiser(today.rsplit_once('-').unwrap().0);
    assert_eq!(
        benk.avslag(early).await.felt,
        [("maned".into(), Feilgrunn::FeltForm)]
    );
    benk.clock.advance(DAY * 32);

    let exact = benk.ok(ask(&fra, &til)).await.statistikk.unwrap();
    let counted: Vec<i32> = exact.forlop.iter().map(|row| row.personer).collect();
    assert_eq!(counted, pathways);
    let counted: Vec<i32> = exact.kontakter.iter().map(|row| row.kontakter).collect();
    assert_eq!(counted, outcomes);
    assert_eq!(exact.anonyme, 28);
    assert!((exact.levert - f64::from(minutes) / 60.0).abs() < 0.01);
    assert!(
        (exact.innvilget_min - 14.0 / 7.0).abs() < 0.01,
        "one day of fourteen"
    );
    assert_eq!(exact.begynt, i32::try_from(waits.len()).unwrap());
    assert_eq!((exact.ventet_median, exact.ventet_lengst), (10, 10));
    assert_eq!(exact.venter, 14 - exact.begynt);

    let month = fra.rsplit_once('-').unwrap().0;
    let published = benk.ok(publiser(month)).await.publisert_statistikk.unwrap();
    let cells = published.forlop.iter().map(|row| row.personer);
    assert!(cells.clone().all(|cell| cell % 5 == 0));
    assert_eq!(cells.collect::<Vec<_>>(), [5, 5, 5]);
    assert_eq!(
        (published.ventet_median, published.ventet_lengst),
        (10, 10),
        "eight waited"
    );
    assert_eq!(published.anonyme, 40);
    assert_eq!(
        benk.avslag(publiser(month)).await.grunn,
        Feilgrunn::Konflikt
    );
    // What happens later does not reach what was published.
    benk.ok(tell(9, &fra)).await;
    let request = HentPublisertStatistikkRequest {
        parent: "enheter/rop".into(),
        maned: month.into(),
    };
    let read = benk
        .kall(&Hvem::enhet("nav"), request.clone())
        .await
        .unwrap();
    assert_eq!(read.publisert_statistikk, Some(published));
    let never = HentPublisertStatistikkRequest {
        maned: "2026-01".into(),
        ..request
    };
    assert_eq!(benk.avslag(never).await.grunn, Feilgrunn::IkkeFunnet);
}
