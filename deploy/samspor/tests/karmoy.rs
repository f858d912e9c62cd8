//! `samspor up --data karmoy`: what a mesh holds that begins with Karmøy's
//! figures, counted through its gateway.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{collections::BTreeMap, sync::Arc};

use samspor::{
    demo::Klokke,
    desk::Desk,
    karmoy::{self, Tall},
    mesh::{Mesh, Options, employee},
};
use samspor_chassis::{
    id::RandomIds,
    tid::{Clock, SystemClock},
};
use samspor_proto::{
    boligkontor::*,
    felles::Rolle,
    nav::{ListLopendeOppholdRequest, ListLopendeOppholdResponse},
    tilgang::Formal,
};

async fn ok<Q, A>(desk: &Desk, method: &str, request: Q) -> A
where
    Q: prost::Message + 'static,
    A: prost::Message + Default + 'static,
{
    desk.call(method, request).await.result.unwrap()
}

async fn stock(desk: &Desk) -> Vec<Bolig> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListBoligerRequest {
            parent: "enheter/boligkontor".to_owned(),
            page_size: 200,
            page_token,
            ..Default::default()
        };
        let page: ListBoligerResponse =
            ok(desk, "boligkontor.v1.BoligService/ListBoliger", request).await;
        all.extend(page.boliger);
        if page.next_page_token.is_empty() {
            return all;
        }
        page_token = page.next_page_token;
    }
}

async fn queue(mesh: &Mesh, unit: &str, type_: Tildelingstype) -> Vec<Koplass> {
    let desk = mesh.desk(employee(unit, "a", Rolle::Saksbehandler)).await;
    let desk = desk.unwrap().with_purpose(Formal::Tildeling);
    let request = RangerKoRequest {
        parent: format!("enheter/{unit}"),
        tildelingstype: type_.into(),
        ..Default::default()
    };
    let method = "boligkontor.v1.BoligsakService/RangerKo";
    let ranked: RangerKoResponse = ok(&desk, method, request).await;
    ranked.koplasser
}

/// The stock, the lists and the stays are those of `data/karmoy.json`, and the
/// clock is let go to today.
///
/// Seen red: with Pilehagen as somebody else's; with a clock that stays behind.
#[tokio::test(flavor = "multi_thread")]
async fn the_mesh_holds_the_figures_of_karmoy() {
    let told = Tall::les().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let na = SystemClock.now();
    let klokke = Arc::new(Klokke::ved(karmoy::begynnelse(na)));
    let clock: Arc<dyn Clock> = Arc::<Klokke>::clone(&klokke);
    let ids = Arc::new(RandomIds::new(Arc::clone(&clock)));
    assert!(karmoy::mangler(folder.path()).unwrap());
    let mesh = Mesh::start(Options::new(folder.path(), clock, ids))
        .await
        .unwrap();
    karmoy::legg_inn(&mesh, &klokke, na).await.unwrap();
    let half = karmoy::mangler(folder.path()).unwrap_err().to_string();
    assert!(half.contains("--data-dir"), "{half}");
    karmoy::ferdig(folder.path()).unwrap();
    assert!(!karmoy::mangler(folder.path()).unwrap());
    klokke.innhent();
    let before = SystemClock.now();
    assert!(mesh.now() >= before, "the clock is the machine's");

    let keeper = mesh
        .desk(employee("boligkontor", "b", Rolle::Boligforvalter))
        .await;
    let keeper = keeper.unwrap().with_purpose(Formal::Tildeling);
    let stock = stock(&keeper).await;
    let er: Vec<Boligegenskaper> = stock
        .iter()
        .map(|one| one.egenskaper.clone().unwrap())
        .collect();
    let count = |is: &dyn Fn(&Boligegenskaper) -> bool| er.iter().filter(|one| is(one)).count();
    let boliger = &told.boliger_2024;
    assert_eq!(stock.len(), boliger.disponert);
    let own = |one: &Boligegenskaper| one.eierform() == Eierform::Kommunal;
    assert_eq!(count(&own), boliger.eid);
    let care = Tildelingstype::Omsorgsbolig;
    let owned = &boliger.eid_fordelt;
    assert_eq!(
        count(&|one| one.tildelingstype() == care),
        owned.omsorgsbolig
    );
    assert_eq!(
        count(&|one| own(one) && one.tildelingstype() != care),
        owned.kommunal_utleie
    );
    let private = &boliger.private_fordelt;
    assert_eq!(
        count(&|one| one.eierform() == Eierform::PrivatAvtale),
        private.leietaker_kontrakt_med_privat_utleier
    );
    assert_eq!(
        count(&|one| one.eierform() == Eierform::Innleid),
        private.framleid_av_kommunen
    );
    let temporary = Tildelingstype::Midlertidig;
    assert_eq!(
        count(&|one| one.tildelingstype() == temporary),
        boliger.av_utleie_til_nav_midlertidig
    );
    assert_eq!(
        count(&|one| one.tildelingstype() == temporary && one.soverom > 1),
        boliger.av_disse_familiebolig
    );
    assert!(count(&|one| one.boligform() == Boligform::Hardfor) >= boliger.hardfore_minst);
    for house in &told.bofellesskap {
        let in_it =
            count(&|one| one.navn.starts_with(&house.navn) && one.bemanning() == Bemanning::Dogn);
        assert_eq!(in_it, house.antall, "{}", house.navn);
    }
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for one in &stock {
        *states.entry(one.tilstand().as_str_name()).or_default() += 1;
    }
    assert_eq!(states["BOLIGTILSTAND_UTLEID"], 469, "{states:?}");

    let list = &told.venteliste_januar_2025;
    let let_ = queue(&mesh, "rop", Tildelingstype::KommunalUtleie).await;
    let care = queue(&mesh, "bestillerkontor", care).await;
    assert_eq!(
        (let_.len(), care.len()),
        (list.kommunal_utleie, list.omsorgsbolig)
    );
    assert!(let_[0].ventetid_dager > 0, "{:?}", let_[0]);

    let nav = mesh.desk(employee("nav", "n", Rolle::Saksbehandler)).await;
    let nav = nav.unwrap().with_purpose(Formal::Oppfolging);
    let request = ListLopendeOppholdRequest {
        parent: "enheter/nav".to_owned(),
        ..Default::default()
    };
    let method = "nav.v1.OppholdService/ListLopendeOpphold";
    let stays: ListLopendeOppholdResponse = ok(&nav, method, request).await;
    assert_eq!(stays.opphold.len(), list.bor_i_midlertidig);
    let long = stays.opphold.iter().filter(|stay| stay.over_tre_maneder);
    assert_eq!(
        long.count(),
        told.midlertidig.husholdninger_over_3_mnd.i_2023
    );
    // The overview counts the same, without reading Nav's records.
    let request = HentBehovsoversiktRequest {
        parent: "enheter/boligkontor".to_owned(),
        dag: String::new(),
    };
    let method = "boligkontor.v1.BehovService/HentBehovsoversikt";
    let overview: HentBehovsoversiktResponse = ok(&keeper, method, request).await;
    let overview = overview.behovsoversikt.unwrap();
    let of = |type_: Tildelingstype| {
        let mut all = overview.celler.iter();
        let is = |cell: &&Behovscelle| {
            cell.tildelingstype() == type_
                && cell.gruppe() == Behovsgruppe::Alle
                && cell.status() == Behovsstatus::PaListen
        };
        all.find(is).unwrap().i_midlertidig
    };
    let waiting = of(Tildelingstype::KommunalUtleie) + of(Tildelingstype::Omsorgsbolig);
    assert_eq!(usize::try_from(waiting).unwrap(), list.bor_i_midlertidig);
    let empty: i32 = overview.tomgang.iter().map(|one| one.dager).sum();
    // 288 of the ten that nobody lives in, and 188 of Nav's seven before somebody
    // came.
    assert_eq!(empty, 476);
    mesh.shutdown().await;
}
