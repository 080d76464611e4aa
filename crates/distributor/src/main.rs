//! The program with the backends that its features choose; all of it is in the library.

fn main() -> std::process::ExitCode {
    distributor::main()
}
