//! The catalogue over real gRPC, on the sample engine: what it says is what evaluating shows.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::collections::BTreeMap;

use common::front::{Front, connect};
use pobatch::{
    build::{code, limits::Limits, outcome::StatValue, variation::Variation},
    grpc::convert::{Columns, variation_to_proto},
    proto::v1::{
        self, catalog_service_client::CatalogServiceClient, evaluation_service_client::EvaluationServiceClient,
        outcome::Result as Of,
    },
    supervisor::Settings,
};
use tonic::{Code, transport::Channel};

/// A server, and a connection to it.
struct Served {
    channel: Channel,
    _front: Front,
}

impl Served {
    fn evaluation(&self) -> EvaluationServiceClient<Channel> {
        EvaluationServiceClient::new(self.channel.clone())
    }

    fn catalog(&self) -> CatalogServiceClient<Channel> {
        CatalogServiceClient::new(self.channel.clone())
    }
}

async fn served() -> Served {
    let front = Front::start(Settings { bases_max: 32, ..common::settings() }).await;
    Served { channel: connect(&front.url).await, _front: front }
}

fn build(xml: &str) -> v1::Base {
    v1::Base { build: Some(v1::base::Build::Xml(xml.into())), engine: String::new() }
}

fn all() -> v1::StatSelection {
    v1::StatSelection { names: Vec::new(), preset: v1::StatPreset::All.into() }
}

/// Values by name, with numbers as bits: equal means equal.
fn bits(layout: &[v1::ResolvedStat], stats: &v1::Stats) -> BTreeMap<String, String> {
    let bits = |value| match value {
        StatValue::Number(number) => format!("{:x}", number.to_bits()),
        other => format!("{other:?}"),
    };
    Columns::of(layout).values(stats).into_iter().map(|(name, value)| (name.to_string(), bits(value))).collect()
}

async fn evaluated(server: &Served, variation: v1::Variation) -> Result<BTreeMap<String, String>, v1::Failure> {
    let request = v1::EvaluateRequest {
        base: Some(build(common::WITCH)),
        variation: Some(variation),
        stats: Some(all()),
        ..Default::default()
    };
    let answer = server.evaluation().evaluate(request).await.unwrap().into_inner();
    match answer.outcome.unwrap().result.unwrap() {
        Of::Stats(stats) => Ok(bits(&answer.header.unwrap().stats, &stats)),
        Of::Failure(failure) => Err(failure),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_variation_loaded_from_scratch_has_exactly_its_stats() {
    let server = served().await;
    for line in include_str!("../examples/variations.jsonl").lines() {
        let variation = variation_to_proto(String::new(), &serde_json::from_str::<Variation>(line).unwrap());
        let expected = evaluated(&server, variation.clone()).await.unwrap();
        let request =
            v1::ExportBuildRequest { base: Some(build(common::WITCH)), variation: Some(variation), check: Some(all()) };
        let exported = server.catalog().export_build(request).await.unwrap().into_inner();
        assert_eq!(bits(&exported.stats, &exported.values.unwrap()), expected, "{line}");
        assert_eq!(code::decode(&exported.share_code, &Limits::default()).unwrap(), exported.xml);

        // What was written is a base like any other, under the name that was promised.
        let request =
            v1::EvaluateRequest { base: Some(build(&exported.xml)), stats: Some(all()), ..Default::default() };
        let answer = server.evaluation().evaluate(request).await.unwrap().into_inner();
        let header = answer.header.unwrap();
        assert_eq!(header.base_id, exported.base_id);
        assert_eq!(bits(&header.stats, &header.base_stats.unwrap()), expected, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_exported_fails_with_the_field_below_variation() {
    let server = served().await;
    for (line, field) in [
        (r#"{"level":101}"#, "variation.level"),
        (r#"{"items":[{"slot":"Third Arm","empty":true}]}"#, "variation.items[0].slot"),
    ] {
        let variation = variation_to_proto(String::new(), &serde_json::from_str::<Variation>(line).unwrap());
        let request =
            v1::ExportBuildRequest { base: Some(build(common::WITCH)), variation: Some(variation), check: None };
        let status = server.catalog().export_build(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains(field), "{status}");
    }
    let check = Some(v1::StatSelection { names: vec!["Lief".into()], preset: 0 });
    let request = v1::ExportBuildRequest { base: Some(build(common::WITCH)), variation: None, check };
    let status = server.catalog().export_build(request).await.unwrap_err();
    assert!(status.message().contains("check.names[0]"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_build_comes_back_as_the_same_build() {
    let server = served().await;
    let base = v1::Base { build: Some(v1::base::Build::ShareCode(code::encode(common::WITCH))), engine: String::new() };
    let imported =
        server.catalog().import_build(v1::ImportBuildRequest { base: Some(base) }).await.unwrap().into_inner();
    let values = |xml: &str| {
        let request = v1::EvaluateRequest { base: Some(build(xml)), stats: Some(all()), ..Default::default() };
        let mut client = server.evaluation();
        async move {
            let header = client.evaluate(request).await.unwrap().into_inner().header.unwrap();
            bits(&header.stats, &header.base_stats.unwrap())
        }
    };
    assert_eq!(values(&imported.xml).await, values(common::WITCH).await);
    assert_eq!(code::decode(&imported.share_code, &Limits::default()).unwrap(), imported.xml);
}

#[tokio::test(flavor = "multi_thread")]
async fn passives_come_in_pages_and_within_a_distance() {
    let server = served().await;
    let list = |page_size, page_token: &str, distance_max| {
        let request = v1::ListPassivesRequest {
            base: Some(build(common::WITCH)),
            page_size,
            page_token: page_token.to_owned(),
            distance_max,
        };
        let mut client = server.catalog();
        async move { client.list_passives(request).await.map(tonic::Response::into_inner) }
    };
    let whole = list(0, "", None).await.unwrap();
    assert!(whole.passives.len() > 50 && whole.next_page_token.is_empty());
    assert!(whole.points.unwrap().used > 0);
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let page = list(7, &token, None).await.unwrap();
        assert!(page.passives.len() <= 7);
        pages.extend(page.passives);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, whole.passives);
    let near = list(0, "", Some(2)).await.unwrap().passives;
    assert!(near.len() < whole.passives.len());
    assert!(near.iter().all(|node| node.allocated || node.distance.unwrap() <= 2));
    assert_eq!(list(0, "nonsense", None).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_data_offers_can_be_used_in_a_variation() {
    let server = served().await;
    let mut client = server.catalog();

    let request = v1::ListGemsRequest { support: Some(true), ..Default::default() };
    let supports = client.list_gems(request).await.unwrap().into_inner().gems;
    assert!(supports.len() > 3 && supports.iter().all(|gem| gem.support) && supports.is_sorted_by_key(|gem| &gem.name));
    for gem in supports {
        let change = v1::GemChange {
            group: 1,
            operation: Some(v1::gem_change::Operation::Add(gem.name.clone())),
            ..Default::default()
        };
        evaluated(&server, v1::Variation { gems: vec![change], ..Default::default() }).await.unwrap();
    }

    let options =
        client.list_config_options(v1::ListConfigOptionsRequest::default()).await.unwrap().into_inner().options;
    assert!(options.iter().any(|option| option.name == "enemyIsBoss" && option.choices.len() == 3));
    for option in options {
        let value = match option.kind() {
            v1::ConfigKind::Boolean => v1::config_value::Value::Boolean(true),
            v1::ConfigKind::Number => v1::config_value::Value::Number(1.0),
            v1::ConfigKind::List => option.choices[0].value.clone().unwrap().value.unwrap(),
            // The fault hatch's; anything will do for it.
            v1::ConfigKind::Text | v1::ConfigKind::Unspecified => continue,
        };
        let config = [(option.name, v1::ConfigValue { value: Some(value) })].into();
        evaluated(&server, v1::Variation { config, ..Default::default() }).await.unwrap();
    }

    let request = v1::ListItemBasesRequest { slot: "Ring 2".into(), ..Default::default() };
    let rings = client.list_item_bases(request).await.unwrap().into_inner().bases;
    assert!(rings.len() > 1);
    for base in rings {
        let text = Some(v1::item_change::Source::Text(format!("Rarity: RARE\nName\n{}\n", base.name)));
        let change = v1::ItemChange { slot: "Ring 2".into(), source: text };
        evaluated(&server, v1::Variation { items: vec![change], ..Default::default() }).await.unwrap();
    }
    let request = v1::ListItemBasesRequest { contains: "oBe".into(), page_size: 1, ..Default::default() };
    let page = client.list_item_bases(request).await.unwrap().into_inner();
    assert_eq!(page.bases.len(), 1);
    assert!(page.bases[0].name.to_lowercase().contains("obe") && !page.next_page_token.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_described_build_is_what_its_xml_says() {
    let server = served().await;
    let request = v1::DescribeBuildRequest { base: Some(build(common::WITCH)), stats: Some(all()) };
    let answer = server.catalog().describe_build(request).await.unwrap().into_inner();
    let described = answer.build.unwrap();
    assert_eq!(
        (described.class.as_str(), described.ascendancy.as_str(), described.level),
        ("Witch", "Frostweaver", 85)
    );
    let document = roxmltree::Document::parse(common::WITCH).unwrap();
    let count = |tag: &str| document.descendants().filter(|node| node.has_tag_name(tag)).count();
    assert_eq!(described.items.len(), count("Item"));
    assert_eq!(described.groups.len(), count("Skill"));
    assert_eq!(described.groups.iter().map(|group| group.gems.len()).sum::<usize>(), count("Gem"));
    // Each worn item, put into its slot once more, changes nothing.
    let base = evaluated(&server, v1::Variation::default()).await.unwrap();
    assert_eq!(bits(&answer.stats, &answer.values.unwrap()), base);
    for worn in described.slots {
        let source = Some(v1::item_change::Source::Item(worn.item));
        let change = v1::ItemChange { slot: worn.slot.clone(), source };
        let same = evaluated(&server, v1::Variation { items: vec![change], ..Default::default() }).await.unwrap();
        assert_eq!(same, base, "{}", worn.slot);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stat_is_explained_with_the_value_that_an_evaluation_has() {
    let server = served().await;
    let explain = |json: &str, stat: &str| {
        let variation = variation_to_proto(String::new(), &serde_json::from_str::<Variation>(json).unwrap());
        let request =
            v1::ExplainRequest { base: Some(build(common::WITCH)), variation: Some(variation), stat: stat.to_owned() };
        let mut client = server.catalog();
        async move { client.explain(request).await.map(tonic::Response::into_inner) }
    };
    for json in ["{}", r#"{"level":60,"allocate_path":[400]}"#, r#"{"items":[{"slot":"Helmet","empty":true}]}"#] {
        let variation = variation_to_proto(String::new(), &serde_json::from_str::<Variation>(json).unwrap());
        let values = evaluated(&server, variation).await.unwrap();
        for stat in ["Life", "TotalDPS", "ColdResist", "TotalEHP"] {
            let said = explain(json, stat).await.unwrap();
            assert_eq!(said.state(), v1::ExplanationState::Explained, "{json} {stat}");
            let Some(v1::named_value::Value::Number(number)) = said.value.unwrap().value else { panic!("no number") };
            assert_eq!(format!("{:x}", number.to_bits()), values[stat], "{json} {stat}");
        }
    }
    // An attack's: the spell that she casts has none.
    assert_eq!(explain("{}", "HitChance").await.unwrap().state(), v1::ExplanationState::Absent);
    assert_eq!(explain("{}", "CritChance").await.unwrap().state(), v1::ExplanationState::Unexplained);
    for (json, stat, field) in [("{}", "Lief", "stat"), (r#"{"level":101}"#, "Life", "variation.level")] {
        let status = explain(json, stat).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains(field), "{status}");
    }
    let base = v1::Base { build: Some(v1::base::Build::BaseId("0".repeat(64))), engine: String::new() };
    let request = v1::ExplainRequest { base: Some(base), variation: None, stat: "Life".into() };
    assert_eq!(server.catalog().explain(request).await.unwrap_err().code(), Code::NotFound);
}
