//! The executor that gives a session several cores.

use std::sync::{Mutex, PoisonError};

use rep3::executor::{Executor, Task};

/// A bounded pool of threads, shared by every session that holds a clone of its `Arc`.
///
/// The calling thread works too, so that a pool of width 1 runs everything inline.
pub struct Threads {
    /// The helpers beside the calling thread; none for width 1.
    pool: Option<rayon::ThreadPool>,
    width: usize,
}

/// The pool's threads could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {width} worker threads: {cause}")]
pub struct ThreadsError {
    width: usize,
    cause: rayon::ThreadPoolBuildError,
}

impl Threads {
    /// A pool in which `width` tasks run at once (at least one).
    ///
    /// # Errors
    /// [`ThreadsError`] if the system refuses the threads.
    pub fn new(width: usize) -> Result<Self, ThreadsError> {
        let width = width.max(1);
        let pool = if width == 1 {
            None
        } else {
            let builder = rayon::ThreadPoolBuilder::new()
                .num_threads(width - 1)
                .thread_name(|index| format!("rep3-worker-{index}"));
            Some(builder.build().map_err(|cause| ThreadsError { width, cause })?)
        };
        Ok(Self { pool, width })
    }

    /// A pool as wide as the machine has cores.
    ///
    /// # Errors
    /// [`ThreadsError`] if the system refuses the threads.
    pub fn per_core() -> Result<Self, ThreadsError> {
        Self::new(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
    }
}

/// Runs tasks until none are left. The lock is held only to take one.
fn drain(tasks: &Mutex<std::vec::IntoIter<Task<'_>>>) {
    loop {
        let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).next();
        match next {
            Some(task) => task(),
            None => return,
        }
    }
}

impl Executor for Threads {
    fn width(&self) -> usize {
        self.width
    }

    fn run(&self, tasks: Vec<Task<'_>>) {
        let helpers = self.width.min(tasks.len()).saturating_sub(1);
        let tasks = Mutex::new(tasks.into_iter());
        match &self.pool {
            Some(pool) if helpers > 0 => pool.in_place_scope(|scope| {
                for _ in 0..helpers {
                    scope.spawn(|_| drain(&tasks));
                }
                drain(&tasks);
            }),
            _ => drain(&tasks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn every_task_runs_once_at_every_width() {
        for width in [1, 2, 3, 8] {
            let threads = Threads::new(width).unwrap();
            assert_eq!(threads.width(), width);
            for count in [0, 1, 2, 7, 100] {
                let ran: Vec<_> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                threads.run(
                    ran.iter()
                        .map(|ran| {
                            Box::new(|| {
                                ran.fetch_add(1, Ordering::Relaxed);
                            }) as Task<'_>
                        })
                        .collect(),
                );
                assert!(ran.iter().all(|ran| ran.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn as_many_tasks_as_the_width_run_at_once() {
        let threads = Threads::new(3).unwrap();
        let barrier = Barrier::new(3);
        // Returns only if all three tasks wait together.
        threads.run(
            (0..3)
                .map(|_| {
                    Box::new(|| {
                        barrier.wait();
                    }) as Task<'_>
                })
                .collect(),
        );
    }

    #[test]
    fn sessions_share_a_pool() {
        let threads = Threads::new(2).unwrap();
        let total = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        threads.run(
                            (0..4)
                                .map(|_| {
                                    Box::new(|| {
                                        total.fetch_add(1, Ordering::Relaxed);
                                    }) as Task<'_>
                                })
                                .collect(),
                        );
                    }
                });
            }
        });
        assert_eq!(total.into_inner(), 600);
    }
}
