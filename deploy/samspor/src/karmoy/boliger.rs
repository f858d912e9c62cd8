//! The stock: 479 dwellings in the make-up that the audit tells.
//!
//! How many there are of each kind is read from `data/karmoy.json`. What no
//! source tells is assumed, and plain: the dwellings are spread evenly over the
//! places of the island, have sizes and rents in a fixed pattern, and ten of
//! them (two in a hundred) have nobody in them.

use anyhow::{Result, ensure};

use super::tall::Tall;

/// Places on the island; which dwelling is where is assumed.
const OMRADER: [&str; 6] = [
    "Kopervik",
    "Åkrehamn",
    "Skudeneshavn",
    "Vedavågen",
    "Avaldsnes",
    "Torvastad",
];

/// A dwelling that nobody has, and since how many days; assumed.
const TOMME: [(&str, &str, i32); 10] = [
    ("UTL-001", "LEDIG", 6),
    ("UTL-002", "KLARGJORES", 18),
    ("UTL-003", "KLARGJORES", 33),
    ("UTL-004", "UTE_AV_DRIFT", 88),
    ("HAR-001", "UTE_AV_DRIFT", 61),
    ("PIL-015", "KLARGJORES", 12),
    ("INN-001", "KLARGJORES", 9),
    ("OMS-001", "LEDIG", 20),
    ("OMS-002", "KLARGJORES", 27),
    ("OMS-003", "KLARGJORES", 14),
];

/// Dwellings that are alike.
struct Slag {
    /// Beginning of their numbers in the register.
    nummer: &'static str,
    navn: &'static str,
    antall: usize,
    /// Form, type, who owns, staff, surroundings: words of the register.
    er: [&'static str; 5],
    /// Where all of them are; none: spread.
    omrade: Option<&'static str>,
}

/// A dwelling of the file.
pub(super) struct Bolig {
    pub(super) nokkel: String,
    pub(super) tildelingstype: &'static str,
    /// State in which it is taken in, and how many days before today; none:
    /// somebody lives there.
    pub(super) tom: Option<(&'static str, i32)>,
    rad: String,
}

const OVERSKRIFT: &str = "nokkel;tilstand;navn;adresse;omrade;boligform;tildelingstype;eierform;\
bemanning;bomiljo;standard;soverom;kvadratmeter;etasje;heis;rullestol;meter_butikk;meter_buss;\
meter_tjenester;husleie;kostnad_per_dag";

fn slag(tall: &Tall) -> Result<Vec<Slag>> {
    let stock = &tall.boliger_2024;
    let (pilehagen, ostremtunet) = (tall.i("Pilehagen")?, tall.i("Østremtunet")?);
    let own = &stock.eid_fordelt;
    // Nav's, Pilehagen and the robust ones are among the 151 that are let; of
    // the robust ones no source says it.
    let ordinary = own
        .kommunal_utleie
        .checked_sub(stock.av_utleie_til_nav_midlertidig + pilehagen + stock.hardfore_minst);
    let care = own.omsorgsbolig.checked_sub(ostremtunet);
    let one = |nummer, navn, antall, er, omrade| Slag {
        nummer,
        navn,
        antall,
        er,
        omrade,
    };
    let all = vec![
        one(
            "MID",
            "Midlertidig bolig",
            stock.av_utleie_til_nav_midlertidig,
            [
                "MIDLERTIDIG",
                "MIDLERTIDIG",
                "KOMMUNAL",
                "AMBULERENDE",
                "ORDINAERT",
            ],
            Some("Kopervik"),
        ),
        one(
            "PIL",
            "Pilehagen",
            pilehagen,
            [
                "BOFELLESSKAP_DOGN",
                "KOMMUNAL_UTLEIE",
                "KOMMUNAL",
                "DOGN",
                "AKTIV_RUS",
            ],
            Some("Kopervik"),
        ),
        one(
            "HAR",
            "Hardfør bolig",
            stock.hardfore_minst,
            ["HARDFOR", "HARDFOR", "KOMMUNAL", "AMBULERENDE", "AKTIV_RUS"],
            None,
        ),
        one(
            "UTL",
            "Utleiebolig",
            ordinary.unwrap_or_default(),
            [
                "ORDINAER",
                "KOMMUNAL_UTLEIE",
                "KOMMUNAL",
                "INGEN",
                "ORDINAERT",
            ],
            None,
        ),
        one(
            "OST",
            "Østremtunet",
            ostremtunet,
            [
                "BOFELLESSKAP_DOGN",
                "OMSORGSBOLIG",
                "KOMMUNAL",
                "DOGN",
                "ORDINAERT",
            ],
            Some("Kopervik"),
        ),
        one(
            "OMS",
            "Omsorgsbolig",
            care.unwrap_or_default(),
            [
                "OMSORGSBOLIG",
                "OMSORGSBOLIG",
                "KOMMUNAL",
                "AMBULERENDE",
                "ORDINAERT",
            ],
            None,
        ),
        // As what the private ones are allocated, no source says.
        one(
            "PRI",
            "Privat bolig, leietakers kontrakt",
            stock.private_fordelt.leietaker_kontrakt_med_privat_utleier,
            [
                "INNLEID_PRIVAT",
                "KOMMUNAL_UTLEIE",
                "PRIVAT_AVTALE",
                "INGEN",
                "ORDINAERT",
            ],
            None,
        ),
        one(
            "INN",
            "Privat bolig, framleid",
            stock.private_fordelt.framleid_av_kommunen,
            [
                "INNLEID_PRIVAT",
                "KOMMUNAL_UTLEIE",
                "INNLEID",
                "INGEN",
                "ORDINAERT",
            ],
            None,
        ),
    ];
    let sum: usize = all.iter().map(|kind| kind.antall).sum();
    ensure!(
        sum == stock.disponert && stock.eid + stock.private_disponert == stock.disponert,
        "data/karmoy.json: {sum} dwellings by kind, {} in all",
        stock.disponert
    );
    Ok(all)
}

/// The stock.
pub(super) fn alle(tall: &Tall) -> Result<Vec<Bolig>> {
    let family = tall.boliger_2024.av_disse_familiebolig;
    let new = tall.boliger_2024.nye_hardfore_hosten_2024;
    let mut stock = Vec::new();
    for kind in slag(tall)? {
        let [form, type_, owner, staff, around] = kind.er;
        for (number, area) in (1..=kind.antall).zip(OMRADER.iter().cycle()) {
            let nokkel = format!("{}-{number:03}", kind.nummer);
            let area = kind.omrade.unwrap_or(area);
            let tom = TOMME
                .iter()
                .find(|(key, ..)| *key == nokkel)
                .map(|(_, state, days)| (*state, *days));
            // Nav's first is the one for a family.
            let rooms = match kind.nummer {
                "MID" if number <= family => 3,
                "UTL" | "PRI" | "INN" => 1 + number % 3,
                _ => 1,
            };
            let standard = match number % 5 {
                0 if kind.nummer != "HAR" || number > new => "SLITT",
                _ => "GOD",
            };
            let floor = 1 + number % 3;
            let lift = if floor == 1 || number.is_multiple_of(2) {
                "ja"
            } else {
                "nei"
            };
            let chair = if kind.nummer == "OMS" && floor == 1 {
                "ja"
            } else {
                "nei"
            };
            let (size, rent) = (30 + 15 * rooms, 5_500 + 1_500 * rooms);
            let (shop, bus, help) = (
                100 + 90 * (number % 9),
                80 + 40 * (number % 7),
                200 + 150 * (number % 11),
            );
            let state = tom.map_or("LEDIG", |(state, _)| state);
            let rad = format!(
                "{nokkel};{state};{} {number};{} {number}, {area};{area};{form};{type_};{owner};\
                 {staff};{around};{standard};{rooms};{size};{floor};{lift};{chair};{shop};{bus};\
                 {help};{rent};{}",
                kind.navn,
                kind.navn,
                rent / 30,
            );
            stock.push(Bolig {
                nokkel,
                tildelingstype: type_,
                tom,
                rad,
            });
        }
    }
    let empty = stock.iter().filter(|dwelling| dwelling.tom.is_some());
    ensure!(
        empty.count() == TOMME.len(),
        "an empty dwelling has no number of the register"
    );
    Ok(stock)
}

/// Dwellings as a file for `ImporterBoliger`.
pub(super) fn csv<'b>(boliger: impl Iterator<Item = &'b Bolig>) -> Vec<u8> {
    let rows: Vec<&str> = boliger.map(|dwelling| dwelling.rad.as_str()).collect();
    format!("{OVERSKRIFT}\n{}\n", rows.join("\n")).into_bytes()
}
