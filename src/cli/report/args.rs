//! What `report` is asked for.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::cli::given::{DEFAULT_CONFIG, yes_or_no};
use crate::cli::help;
use crate::cli::running::Running;
use crate::report::{Day, Download};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Report {
    /// The configuration file of the gateway.
    #[arg(
        long, short, env = "MFA_GATEWAY_CONFIG", value_name = "FILE", default_value = DEFAULT_CONFIG, global = true
    )]
    pub(super) config: PathBuf,
    #[command(flatten)]
    pub(super) running: Running,
    /// Reports on logs instead of asking a running gateway: a decision log (`log.decision_output`) of all decisions (`log.decisions: all`); `-` is standard input.
    /// Repeat the flag for several logs.
    #[arg(long, env = "MFA_GATEWAY_REPORT_LOG", value_name = "FILE")]
    pub(super) log: Vec<PathBuf>,
    /// The first day of the report, in UTC. Default: a week before the last.
    #[arg(long, env = "MFA_GATEWAY_REPORT_FROM", value_name = "DAY")]
    pub(super) from: Option<Day>,
    /// The last day of the report, in UTC. Default: today; of logs, that of the newest decision.
    #[arg(long, env = "MFA_GATEWAY_REPORT_TO", value_name = "DAY")]
    pub(super) to: Option<Day>,
    /// A list of accounts, exported from the identity provider, for the share of those with MFA registered: CSV, or JSON of
    /// Microsoft Graph. Repeat the flag for several tenants.
    #[arg(long, env = "MFA_GATEWAY_REPORT_ACCOUNTS", value_name = "FILE")]
    pub(super) accounts: Vec<PathBuf>,
    /// The maximum number of lines in each table.
    #[arg(long, env = "MFA_GATEWAY_REPORT_TOP", value_name = "COUNT", default_value_t = 20)]
    pub(super) top: usize,
    /// Prints a download as CSV instead of the report.
    #[arg(long, env = "MFA_GATEWAY_REPORT_CSV", value_enum, value_name = "DOWNLOAD", conflicts_with = "json")]
    pub(super) csv: Option<ReportCsv>,
    /// Prints JSON instead of text.
    #[arg(long, env = "MFA_GATEWAY_REPORT_JSON", value_parser = yes_or_no, global = true)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) of: Of,
    #[command(subcommand)]
    pub(super) action: Option<Action>,
}

/// Which requests of a running gateway.
#[derive(Debug, clap::Args)]
pub(super) struct Of {
    /// Those of this issuer, by its name in the configuration.
    #[arg(long, env = "MFA_GATEWAY_REPORT_ISSUER", value_name = "NAME", conflicts_with = "log")]
    pub(super) issuer: Option<String>,
    /// Those of this tenant.
    #[arg(long, env = "MFA_GATEWAY_REPORT_TENANT", value_name = "ID", conflicts_with = "log")]
    pub(super) tenant: Option<String>,
    /// Those of this application.
    #[arg(long, env = "MFA_GATEWAY_REPORT_APPLICATION", value_name = "ID", conflicts_with = "log")]
    pub(super) application: Option<String>,
    /// Those of this route, by its path or prefix.
    #[arg(long, env = "MFA_GATEWAY_REPORT_ROUTE", value_name = "PATH", conflicts_with = "log")]
    pub(super) route: Option<String>,
    /// Those of this user: `oid`, or `sub`.
    #[arg(long, env = "MFA_GATEWAY_REPORT_USER", value_name = "ID", conflicts_with = "log")]
    pub(super) user: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Deletes what names a user from the store of a running gateway.
    #[command(after_help = help::REPORT_FORGET)]
    Forget(Forget),
}

// Who is forgotten has no variable: one that is left over would name somebody else.
#[derive(Debug, clap::Args)]
pub(super) struct Forget {
    /// The user: `oid`, or `sub`.
    pub(super) user: String,
    /// The issuer, by its name in the configuration.
    #[arg(long, value_name = "NAME")]
    pub(super) issuer: String,
    /// The tenant; left out if the issuer has none.
    #[arg(long, value_name = "ID", default_value = "")]
    pub(super) tenant: String,
}

/// A download of the report.
#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub(super) enum ReportCsv {
    /// Users whose requests to a portal came without MFA, and their last visit.
    Portal,
    /// A line for each application, with its share.
    Applications,
    /// A line for each customer and the partner that acted for it.
    Customers,
    /// The latest 10,000 requests of users to an API.
    Requests,
}

impl From<ReportCsv> for Download {
    fn from(csv: ReportCsv) -> Self {
        match csv {
            ReportCsv::Portal => Self::Portal,
            ReportCsv::Applications => Self::Applications,
            ReportCsv::Customers => Self::Customers,
            ReportCsv::Requests => Self::Requests,
        }
    }
}
