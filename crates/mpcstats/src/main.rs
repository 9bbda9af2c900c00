//! The `mpcstats` command: parses arguments and hands over to one module a subcommand.

use clap::Parser;

mod commands;

/// Verified and private surveys: providers prove a value and share it secretly; three parties compute
/// statistics that anyone can check.
#[derive(Parser)]
#[command(name = "mpcstats", version = env!("MPCSTATS_VERSION"), arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

/// Has the system's allocator keep what is freed, up to 64 MiB, for the next message of a computation.
///
/// glibc otherwise returns blocks of the size of messages to the kernel and has every page of the next one cleared anew:
/// a third of the time of a product. It adapts to the largest block below 32 MiB that was ever freed (mallopt(3),
/// `M_MMAP_THRESHOLD`). No page of this one is touched; other allocators are left as they are.
fn keep_freed_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity((32 << 20) - (64 << 10))));
}

fn main() -> std::process::ExitCode {
    keep_freed_memory();
    commands::run(Cli::parse().command)
}
