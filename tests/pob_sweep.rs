//! Sweeps and the catalogue with Path of Building: what a sweep makes is what it says, and whatever the catalogue lists can
//! be named in a variation. Skipped loudly without PoB.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;
mod pob_places;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use common::front::{Front, connect};
use pob_places::{Places, places, xml};
use pobatch::{
    grpc::convert::Columns,
    proto::v1::{
        self, catalog_service_client::CatalogServiceClient, evaluate_batch_response, evaluate_sweep_response,
        evaluation_service_client::EvaluationServiceClient, outcome::Result as Of, sweep::Family,
    },
    supervisor::{EngineChoice, Settings},
};
use tokio_stream::StreamExt as _;
use tonic::transport::Channel;

/// Variations that are computed on the fast path are all compared, of others so many.
const PLAIN_MAX: usize = 12;
/// Of long lists of names so many are tried, evenly spread.
const NAMES_MAX: usize = 60;
/// Of a large sweep over pairs so many are read.
const PAIRS: usize = 200;

type Client = EvaluationServiceClient<Channel>;

struct Served {
    base: v1::Base,
    client: Client,
    catalog: CatalogServiceClient<Channel>,
    _front: Front,
}

/// A server that keeps no results: what is asked twice is computed twice.
async fn served(places: &Places, build: &str) -> Served {
    let engines = EngineChoice::Pob(places.pob.clone()).alone();
    let settings = Settings { engines, faults: false, cache_bytes: 0, ..common::settings() };
    let front = Front::start(settings).await;
    let channel = connect(&front.url).await;
    let base = v1::Base { build: Some(v1::base::Build::Xml(xml(places, build))), engine: String::new() };
    Served {
        base,
        client: Client::new(channel.clone()),
        catalog: CatalogServiceClient::new(channel).max_decoding_message_size(64 << 20),
        _front: front,
    }
}

fn all() -> v1::StatSelection {
    v1::StatSelection { names: Vec::new(), preset: v1::StatPreset::All.into() }
}

/// Values by name, as bits; or the failure's reason and field, which are as good as values here.
type Values = Result<BTreeMap<String, String>, (i32, String)>;

fn values(layout: &[v1::ResolvedStat], outcome: &v1::Outcome) -> Values {
    match outcome.result.as_ref().unwrap() {
        Of::Failure(failure) => Err((failure.reason, failure.field_path.clone())),
        Of::Stats(stats) => {
            let bits = |value| match value {
                pobatch::build::outcome::StatValue::Number(number) => format!("{:x}", number.to_bits()),
                other => format!("{other:?}"),
            };
            Ok(Columns::of(layout)
                .values(stats)
                .into_iter()
                .map(|(name, value)| (name.to_string(), bits(value)))
                .collect())
        }
    }
}

/// Outcomes by index, with their values.
type Swept = Vec<(v1::Outcome, Values)>;

async fn sweep(server: &mut Served, family: Family) -> Swept {
    first_of_sweep(server, family, usize::MAX).await
}

/// As many as come first, and then the client leaves.
async fn first_of_sweep(server: &mut Served, family: Family, most: usize) -> Swept {
    use evaluate_sweep_response::Response;
    let sweeps = vec![v1::Sweep { family: Some(family) }];
    let request =
        v1::EvaluateSweepRequest { base: Some(server.base.clone()), sweeps, stats: Some(all()), ..Default::default() };
    let mut answer = server.client.evaluate_sweep(request).await.unwrap().into_inner();
    let (mut layout, mut outcomes) = (Vec::new(), Vec::new());
    while outcomes.len() < most
        && let Some(event) = answer.next().await
    {
        match event.unwrap().response.unwrap() {
            Response::Header(header) => layout = header.stats,
            Response::Outcome(outcome) => {
                let values = values(&layout, &outcome);
                outcomes.push((outcome, values));
            }
            Response::Summary(_) => {}
        }
    }
    outcomes.sort_by_key(|(outcome, _)| outcome.index);
    outcomes
}

async fn batch(server: &mut Served, variations: Vec<v1::Variation>) -> Vec<(v1::Outcome, Values)> {
    use evaluate_batch_response::Response;
    let request = v1::EvaluateBatchRequest {
        base: Some(server.base.clone()),
        variations,
        stats: Some(all()),
        ..Default::default()
    };
    let mut answer = server.client.evaluate_batch(request).await.unwrap().into_inner();
    let (mut layout, mut outcomes) = (Vec::new(), Vec::new());
    while let Some(event) = answer.next().await {
        match event.unwrap().response.unwrap() {
            Response::Header(header) => layout = header.stats,
            Response::Outcome(outcome) => {
                let values = values(&layout, &outcome);
                outcomes.push((outcome, values));
            }
            Response::Summary(_) => {}
        }
    }
    outcomes.sort_by_key(|(outcome, _)| outcome.index);
    outcomes
}

/// What a call about that variation alone says of it.
async fn alone(server: &mut Served, variation: v1::Variation) -> Values {
    let (base, stats) = (Some(server.base.clone()), Some(all()));
    let request = v1::EvaluateRequest { base, variation: Some(variation), stats, ..Default::default() };
    let answer = server.client.evaluate(request).await.unwrap().into_inner();
    values(&answer.header.unwrap().stats, &answer.outcome.unwrap())
}

/// Every so many-th, so that there are no more than that.
fn spread<T>(list: Vec<T>, most: usize) -> Vec<T> {
    let step = list.len().div_ceil(most).max(1);
    list.into_iter().step_by(step).collect()
}

/// Sweeps, evaluates the same in another order as a batch of its own, and says how many there are and how many have values.
async fn assert_one_by_one(server: &mut Served, family: Family) -> (usize, usize) {
    let swept = sweep(server, family.clone()).await;
    let succeeded = swept.iter().filter(|(_, values)| values.is_ok()).count();
    let is_plain = |outcome: &v1::Outcome| outcome.path() == v1::ComputePath::Plain;
    let (plain, fast): (Vec<_>, Vec<_>) = swept.iter().partition(|(outcome, _)| is_plain(outcome));
    let mut chosen: Vec<_> = fast.into_iter().chain(spread(plain, PLAIN_MAX)).collect();
    chosen.reverse();
    let variations = chosen.iter().map(|(outcome, _)| outcome.variation.clone().unwrap()).collect();
    for ((outcome, expected), (again, values)) in chosen.into_iter().zip(batch(server, variations).await) {
        assert_eq!(again.variation_id, outcome.variation_id);
        assert_eq!(again.warnings, outcome.warnings, "{}", outcome.variation_id);
        assert_eq!(&values, expected, "{}", outcome.variation_id);
    }
    (swept.len(), succeeded)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sweep_says_is_what_its_variations_say_one_by_one() {
    let Some(places) = places() else { return };
    let mut server = served(&places, "occ-vortex").await;
    let ring = "Rarity: RARE\nSnow Loop\nTwo-Stone Ring\n--------\n+55 to maximum Life\n+30% to Fire Resistance";
    let families = [
        (Family::Passives(v1::PassiveSweep { distance_max: 2 }), 100),
        (Family::Removable(v1::RemovableSweep {}), 20),
        (Family::Gems(v1::GemSweep { group: 5, gem: 0, levels: vec![1, 21], qualities: vec![0, 23] }), 8),
        (Family::Supports(v1::SupportSweep { group: 5, gem: 0 }), 150),
        (Family::Supports(v1::SupportSweep { group: 5, gem: 2 }), 150),
        (Family::Items(v1::ItemSweep { texts: vec![ring.to_owned()], slots: Vec::new() }), 2),
        (Family::Uniques(v1::UniqueSweep { slot: "Ring 2".to_owned() }), 80),
        (Family::Uniques(v1::UniqueSweep { slot: "Belt".to_owned() }), 30),
        (Family::Config(v1::ConfigSweep { contains: "condition".to_owned() }), 30),
        (Family::Anoints(v1::AnointSweep {}), 300),
    ];
    for (family, least) in families {
        let (made, succeeded) = assert_one_by_one(&mut server, family.clone()).await;
        assert!(made >= least, "{family:?}: {made}");
        assert_eq!(succeeded, made, "{family:?}");
    }
}

/// A Witch on the newest tree who has nothing.
async fn bare_witch(server: &mut Served) -> String {
    let engine = server.catalog.describe_engine(v1::DescribeEngineRequest::default()).await.unwrap().into_inner();
    let ordinary = |version: &&String| version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let tree = engine.tree_versions.iter().rfind(ordinary).unwrap();
    format!(
        r#"<PathOfBuilding><Build level="90" className="Witch" ascendClassName="None" targetVersion="3_0" mainSocketGroup="1"/>
        <Tree activeSpec="1"><Spec treeVersion="{tree}" classId="3" ascendClassId="0" nodes=""/></Tree></PathOfBuilding>"#
    )
}

async fn passives(server: &mut Served) -> Vec<v1::Passive> {
    let list = v1::ListPassivesRequest { base: Some(server.base.clone()), ..Default::default() };
    server.catalog.list_passives(list).await.unwrap().into_inner().passives
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_of_nodes_is_there_once_and_says_what_it_says_alone() {
    let Some(places) = places() else { return };
    let mut server = served(&places, "occ-vortex").await;
    server.base.build = Some(v1::base::Build::Xml(bare_witch(&mut server).await));
    let distance_max = 3;
    let single = sweep(&mut server, Family::Passives(v1::PassiveSweep { distance_max })).await;
    let pairs = sweep(&mut server, Family::Pairs(v1::PassivePairSweep { distance_max })).await;
    assert!(
        single.len() >= 6 && pairs.len() == single.len() * (single.len() - 1) / 2,
        "{} {}",
        single.len(),
        pairs.len()
    );
    let allocated = |(outcome, _): &(v1::Outcome, Values)| -> BTreeSet<u32> {
        let variation = outcome.variation.as_ref().unwrap();
        let nodes: BTreeSet<_> = variation.allocate.iter().copied().collect();
        assert_eq!(nodes.len(), variation.allocate.len(), "no node twice: {variation:?}");
        nodes
    };
    // In the order of the sweep: each with each that comes behind it, by the ways to both.
    let ways: Vec<_> = single.iter().map(allocated).collect();
    let both = (0..ways.len()).flat_map(|first| (first + 1..ways.len()).map(move |second| (first, second)));
    for ((first, second), pair) in both.zip(&pairs) {
        let expected: BTreeSet<_> = ways[first].union(&ways[second]).copied().collect();
        assert_eq!(allocated(pair), expected);
    }
    let kinds: HashSet<_> = pairs.iter().map(|(_, values)| format!("{values:?}")).collect();
    assert!(kinds.len() > 6, "nodes do something for her");
    for (outcome, expected) in pairs {
        assert!(expected.is_ok(), "{expected:?}");
        assert_eq!(alone(&mut server, outcome.variation.unwrap()).await, expected, "{}", outcome.variation_id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pairs_of_nodes_of_a_whole_build_say_what_each_says_alone() {
    let Some(places) = places() else { return };
    let mut server = served(&places, "occ-vortex").await;
    // All of them are some nine thousand.
    let pairs = first_of_sweep(&mut server, Family::Pairs(v1::PassivePairSweep { distance_max: 1 }), PAIRS).await;
    assert_eq!(pairs.len(), PAIRS);
    for (outcome, expected) in pairs {
        assert!(expected.is_ok(), "{expected:?}");
        assert!(matches!(outcome.path(), v1::ComputePath::Fast | v1::ComputePath::Cached), "{outcome:?}");
        assert_eq!(alone(&mut server, outcome.variation.unwrap()).await, expected, "{}", outcome.variation_id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn masteries_go_the_plain_path_and_are_what_they_say() {
    let Some(places) = places() else { return };
    // The builds at hand are older than masteries: a bare Witch on the newest tree, who walks beside some.
    let mut server = served(&places, "occ-vortex").await;
    server.base.build = Some(v1::base::Build::Xml(bare_witch(&mut server).await));
    let passives = passives(&mut server).await;
    let masteries = passives.iter().filter(|node| node.name == "Life Mastery");
    let nearest = masteries.min_by_key(|node| node.distance.unwrap_or(u32::MAX)).unwrap();
    let variation = v1::Variation { allocate_path: vec![nearest.toward.unwrap()], ..Default::default() };
    let request = v1::ExportBuildRequest { base: Some(server.base.clone()), variation: Some(variation), check: None };
    let exported = server.catalog.export_build(request).await.unwrap().into_inner();
    server.base.build = Some(v1::base::Build::Xml(exported.xml));

    let swept = sweep(&mut server, Family::Masteries(v1::MasterySweep {})).await;
    let path = |(outcome, _): &(v1::Outcome, Values)| outcome.path() == v1::ComputePath::Plain;
    assert!(swept.len() >= 3 && swept.iter().all(path), "{}", swept.len());
    let (made, succeeded) = assert_one_by_one(&mut server, Family::Masteries(v1::MasterySweep {})).await;
    assert!(made == swept.len() && succeeded == made, "{succeeded} of {made}");
    let kinds: HashSet<_> = swept.iter().map(|(_, values)| format!("{values:?}")).collect();
    assert!(kinds.len() > 2, "some of them have an effect on life");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_catalogue_lists_can_be_named_in_a_variation() {
    let Some(places) = places() else { return };
    let mut server = served(&places, "occ-vortex").await;
    let mut variations: Vec<v1::Variation> = Vec::new();
    let mut add = |id: String, variation: v1::Variation| variations.push(v1::Variation { id, ..variation });

    let described =
        server.catalog.describe_build(v1::DescribeBuildRequest { base: Some(server.base.clone()), stats: None });
    let build = described.await.unwrap().into_inner().build.unwrap();
    let group = build.main_socket_group;
    let passives = passives(&mut server).await;
    let mut kinds = HashSet::new();
    let ways = passives.iter().filter(|node| node.distance.is_some() && node.kind() != v1::PassiveKind::Mastery);
    for node in spread(ways.collect(), NAMES_MAX) {
        kinds.insert(node.kind());
        add(format!("node {}", node.id), v1::Variation { allocate_path: vec![node.id], ..Default::default() });
    }
    for node in passives.iter().filter(|node| node.removable) {
        add(format!("leaf {}", node.id), v1::Variation { deallocate: vec![node.id], ..Default::default() });
    }
    for support in [true, false] {
        let gems = v1::ListGemsRequest { support: Some(support), ..Default::default() };
        let gems = server.catalog.list_gems(gems).await.unwrap().into_inner().gems;
        assert!(gems.len() > NAMES_MAX);
        for gem in spread(gems, NAMES_MAX) {
            let operation = Some(v1::gem_change::Operation::Add(gem.name.clone()));
            let change = v1::GemChange { group, operation, ..Default::default() };
            add(format!("gem {}", gem.name), v1::Variation { gems: vec![change], ..Default::default() });
        }
    }
    let options =
        server.catalog.list_config_options(v1::ListConfigOptionsRequest::default()).await.unwrap().into_inner();
    assert!(options.options.len() > 300);
    for option in spread(options.options, NAMES_MAX) {
        use v1::config_value::Value;
        let choices = match option.kind() {
            v1::ConfigKind::Boolean => vec![Value::Boolean(true), Value::Boolean(false)],
            v1::ConfigKind::Number => vec![Value::Number(3.0)],
            v1::ConfigKind::List => {
                option.choices.iter().map(|choice| choice.value.clone().unwrap().value.unwrap()).collect()
            }
            v1::ConfigKind::Text | v1::ConfigKind::Unspecified => vec![Value::Text("x".to_owned())],
        };
        for value in choices {
            let id = format!("option {} {value:?}", option.name);
            let config = [(option.name.clone(), v1::ConfigValue { value: Some(value) })].into();
            add(id, v1::Variation { config, ..Default::default() });
        }
    }
    let wear = |slot: &str, source: v1::item_change::Source| v1::Variation {
        items: vec![v1::ItemChange { slot: slot.to_owned(), source: Some(source) }],
        ..Default::default()
    };
    for slot in ["Ring 1", "Body Armour", "Weapon 2", "Amulet", "Flask 1"] {
        let bases = v1::ListItemBasesRequest { slot: slot.to_owned(), ..Default::default() };
        let bases = server.catalog.list_item_bases(bases).await.unwrap().into_inner().bases;
        for base in spread(bases, NAMES_MAX / 5) {
            let text = v1::item_change::Source::Text(format!("Rarity: NORMAL\n{}\n", base.name));
            add(format!("base {}", base.name), wear(slot, text));
        }
        let uniques = v1::ListUniquesRequest { slot: slot.to_owned(), ..Default::default() };
        let uniques = server.catalog.list_uniques(uniques).await.unwrap().into_inner().uniques;
        assert!(!uniques.is_empty(), "{slot}");
        for unique in spread(uniques, NAMES_MAX / 5) {
            add(format!("unique {}", unique.name), wear(slot, v1::item_change::Source::Text(unique.text)));
        }
    }
    for worn in &build.slots {
        add(format!("worn {}", worn.slot), wear(&worn.slot, v1::item_change::Source::Item(worn.item)));
    }
    for setting in build.config {
        let config = [(setting.name.clone(), setting.value.unwrap())].into();
        add(format!("set {}", setting.name), v1::Variation { config, ..Default::default() });
    }
    add("group".to_owned(), v1::Variation { main_socket_group: Some(group), ..Default::default() });

    let count = variations.len();
    let failed: Vec<_> = batch(&mut server, variations)
        .await
        .into_iter()
        .filter_map(|(outcome, _)| match outcome.result {
            Some(Of::Failure(failure)) => Some(format!("{}: {failure:?}", outcome.variation_id)),
            _ => None,
        })
        .collect();
    assert!(failed.is_empty(), "{} of {count}: {failed:#?}", failed.len());
    assert!(count > 300 && kinds.len() >= 3, "{count} {kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_says_what_a_call_of_its_own_says() {
    let Some(places) = places() else { return };
    let mut server = served(&places, "occ-vortex").await;
    let text = |value: &str| v1::ConfigValue { value: Some(v1::config_value::Value::Text(value.to_owned())) };
    let under = |id: &str, boss: &str| v1::Variation {
        id: id.to_owned(),
        config: [("enemyIsBoss".to_owned(), text(boss))].into(),
        ..Default::default()
    };
    let scenarios = ["None", "Pinnacle"];
    // The second goes the plain path.
    let variations = [
        v1::Variation { level: Some(90), ..Default::default() },
        v1::Variation { ascendancy: Some("None".to_owned()), ..Default::default() },
    ];
    for variation in variations {
        let request = v1::EvaluateRequest {
            base: Some(server.base.clone()),
            variation: Some(variation.clone()),
            stats: Some(all()),
            scenarios: scenarios
                .map(|name| v1::Scenario { name: name.to_owned(), variation: Some(under("", name)) })
                .into(),
            ..Default::default()
        };
        let answer = server.client.evaluate(request).await.unwrap().into_inner();
        let layout = answer.header.unwrap().stats;
        let together = scenarios.map(|name| v1::Variation { config: under("", name).config, ..variation.clone() });
        let alone = batch(&mut server, together.into()).await;
        for (scenario, (_, expected)) in answer.outcome.unwrap().scenarios.into_iter().zip(alone) {
            let Some(v1::scenario_result::Result::Stats(stats)) = scenario.result else { panic!("{variation:?}") };
            let outcome = v1::Outcome { result: Some(Of::Stats(stats)), ..Default::default() };
            assert_eq!(values(&layout, &outcome), expected);
        }
    }
}
