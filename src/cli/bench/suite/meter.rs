//! Processor time of this process over a part of the past. A client says only when it has ended how long what it measured
//! took, so readings are taken all along.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

use crate::task;

/// How far apart readings are: a twentieth of the shortest call that is measured, and 200 wake-ups a second for it.
const STEP: Duration = Duration::from_millis(5);

/// When it was read, and what.
type Reading = (Instant, Duration);

/// Takes readings until it is dropped.
pub struct Meter {
    readings: Arc<Mutex<Vec<Reading>>>,
    _reader: task::Owned,
}

impl Meter {
    pub fn start() -> Self {
        let readings = Arc::new(Mutex::new(vec![read()]));
        let shared = Arc::clone(&readings);
        let reader = task::spawn_owned("meter", async move {
            loop {
                tokio::time::sleep(STEP).await;
                shared.lock().unwrap_or_else(PoisonError::into_inner).push(read());
            }
        });
        Self { readings, _reader: reader }
    }

    /// What was spent in the time up to now that is this long, or since the start if that is shorter.
    pub fn end(self, last: Duration) -> Duration {
        let end = read();
        let mut readings = std::mem::take(&mut *self.readings.lock().unwrap_or_else(PoisonError::into_inner));
        readings.push(end);
        let from = end.0.checked_sub(last).unwrap_or(readings[0].0);
        end.1.saturating_sub(at(&readings, from))
    }
}

/// The processor time at a moment; between two readings it is taken to grow evenly.
fn at(readings: &[Reading], moment: Instant) -> Duration {
    let behind = readings.partition_point(|reading| reading.0 <= moment);
    let (Some(before), Some(after)) = (readings.get(behind.wrapping_sub(1)), readings.get(behind)) else {
        return if behind == 0 { readings[0].1 } else { readings[behind - 1].1 };
    };
    let part = (moment - before.0).as_secs_f64() / (after.0 - before.0).as_secs_f64();
    before.1 + after.1.saturating_sub(before.1).mul_f64(part.clamp(0.0, 1.0))
}

fn read() -> Reading {
    // Of all threads of this process, and of none of its children.
    (Instant::now(), clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_readings_processor_time_grows_evenly() {
        let start = Instant::now();
        let of = |milliseconds: u64| Duration::from_millis(milliseconds);
        let readings = [(start, of(100)), (start + of(10), of(104)), (start + of(20), of(104))];
        let at = |milliseconds: u64| at(&readings, start + of(milliseconds));
        assert_eq!(
            [at(0), at(5), at(10), at(15), at(20), at(30)].map(|time| time.as_millis()),
            [100, 102, 104, 104, 104, 104]
        );
        assert_eq!(super::at(&readings[1..], start), of(104));
    }
}
