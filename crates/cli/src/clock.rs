//! The real clock: the one place that asks the machine for the time.

use std::{sync::Mutex, time::Duration};

use domain::clock::{Clock, Sleep, Timer, microseconds};
use jiff::Timestamp;
use uuid::{ContextV7, Uuid};

/// The machine's clock, with ids that never go backwards within a process.
#[derive(Debug, Default)]
pub struct SystemClock {
    context: Mutex<ContextV7>,
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the seam everybody else goes through")]
    fn now(&self) -> Timestamp {
        microseconds(Timestamp::now())
    }

    fn uuid(&self) -> Uuid {
        let now = self.now();
        let context = self.context.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
        Uuid::new_v7(uuid::Timestamp::from_unix(&*context, seconds, nanos))
    }
}

/// Waits by the machine's clock, in the runtime of whoever waits.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemTimer;

impl Timer for SystemTimer {
    fn sleep(&self, time: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(time))
    }
}
