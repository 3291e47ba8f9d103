//! Chaos with Path of Building, where it is installed; see `storm`.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;
mod pob_places;
mod storm;

use common::{level, settings};
use pobatch::supervisor::{EngineChoice, Settings};
use storm::chaos;

#[tokio::test(flavor = "multi_thread")]
async fn path_of_building_loses_nothing_in_chaos() {
    let Some(places) = pob_places::places() else { return };
    let bases: Vec<_> = ["occ-vortex", "perforate-zerker"].map(|build| pob_places::xml(&places, build)).into();
    let mut settings =
        Settings { engines: EngineChoice::Pob(places.pob).alone(), shards: 2, faults: false, ..settings() };
    settings.memory.total_bytes = 4 << 30;
    chaos(settings, bases, (60..=100).step_by(4).map(level).collect(), 0, None).await;
}
