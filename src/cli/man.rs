//! `man`: manual pages, made from the same description of the arguments as the help.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Command, CommandFactory};

use super::args::Args;
use super::print::write;

/// Prints a page: of a command, or of the whole program.
///
/// # Errors
///
/// If there is no such command.
pub(super) fn print(command: Option<&str>) -> anyhow::Result<ExitCode> {
    let wanted = command.map_or_else(|| "mfa-gateway".to_owned(), |command| format!("mfa-gateway-{command}"));
    let Some((_, page)) = pages()?.into_iter().find(|(name, _)| *name == wanted) else {
        bail!("there is no command {}", command.unwrap_or_default());
    };
    write(&page)
}

/// Writes all pages into a folder, which is made if it isn't there.
///
/// # Errors
///
/// If a file can't be written.
pub(super) fn write_all(folder: &Path) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))?;
    for (name, page) in pages()? {
        let file = folder.join(format!("{name}.1"));
        std::fs::write(&file, page).with_context(|| format!("{} could not be written", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The name and text of each page.
fn pages() -> anyhow::Result<Vec<(String, String)>> {
    let mut program = Args::command();
    program.build();
    let mut pages = vec![page(&program, "mfa-gateway".to_owned())?];
    add_below(&program, "mfa-gateway", &mut pages)?;
    Ok(pages)
}

/// Adds the page of each command of a command, and of each of those.
fn add_below(above: &Command, name: &str, pages: &mut Vec<(String, String)>) -> anyhow::Result<()> {
    for command in above.get_subcommands() {
        let name = format!("{name}-{}", command.get_name());
        pages.push(page(command, name.clone())?);
        add_below(command, &name, pages)?;
    }
    Ok(())
}

fn page(command: &Command, name: String) -> anyhow::Result<(String, String)> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    // A page is named with hyphens, and its synopsis shows the command as it is called.
    let described = command.clone().display_name(name.clone());
    let man = clap_mangen::Man::new(described).source(concat!("mfa-gateway ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    for paragraph in help.split("\n\n") {
        let (title, lines) = match paragraph.split_once(":\n") {
            Some(("Examples", lines)) => ("EXAMPLES", lines),
            Some(("Exit codes", lines)) => ("EXIT STATUS", lines),
            _ => ("NOTES", paragraph),
        };
        text.extend_from_slice(section(title, lines).as_bytes());
    }
    Ok((name, String::from_utf8(text)?))
}

/// A section of roff, with its lines as they are.
fn section(title: &str, lines: &str) -> String {
    // A backslash and a hyphen mean something to roff, and so does a point or an apostrophe at the start of a line.
    let escaped = lines.replace('\\', "\\e").replace('-', "\\-").replace('\n', "\n\\&");
    format!(".SH {title}\n.nf\n\\&{escaped}\n.fi\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_flags_variables_and_exit_codes() {
        let pages = pages().unwrap();
        let program = Args::command();
        let below = |above: &Command| above.get_subcommands().cloned().collect::<Vec<_>>();
        let of_command = |command: Command| [vec![command.clone()], below(&command)].concat();
        let commands: Vec<_> = below(&program).into_iter().flat_map(of_command).collect();
        assert_eq!(pages.len(), 1 + commands.len());
        for (command, (name, page)) in commands.iter().zip(&pages[1..]) {
            assert!(name.starts_with("mfa-gateway-") && name.ends_with(command.get_name()), "{name}");
            assert!(page.contains(".SH EXIT STATUS\n") && page.contains(".SH EXAMPLES\n"), "{name}");
            for argument in command.get_arguments() {
                let variable = argument.get_env().and_then(|name| name.to_str()).unwrap_or_default();
                assert!(page.replace('\\', "").contains(variable), "{name}: {variable}");
            }
        }
    }
}
