// Package pgserver runs a local Postgres out of the binaries that the machine already has, so that Roster needs no
// database set-up by hand.
//
// # The folder
//
// Config.DataDir is Roster's own folder, mode 0700:
//
//	roster.lock      locked by the Roster that uses the folder; holds its process id
//	postgres.lock    inherited, locked, by every Postgres process of the folder
//	postgres/        the cluster, mode 0700, owned by the account the server runs as; also holds its unix socket
//	postgres.new-*   a cluster that initdb is still making; renamed to postgres when complete
//
// Both locks are flock locks, so the kernel drops them when their holders are gone, however they went. The second one
// tells exactly when the last process of a killed Roster's server has ended: a new start waits for that.
//
// # Accounts
//
// Postgres refuses to run as root. Started by root, the server runs as the owner of an existing cluster, else as the
// account postgres, else as nobody. Such an account can usually not reach the folder by its path (/root is 0700, and so
// is any folder of mktemp -d), and nobody's permissions should be loosened for it. The server therefore gets its cluster
// as an inherited directory descriptor and the path /proc/self/fd/3, which needs permissions on the cluster alone.
// This makes every folder work that root can write to; the other candidates were worse: Postgres changes to the absolute
// path of its data folder itself, so a working directory set before dropping privileges does not help; a capability to
// pass any folder would let SQL read any file; and a fixed folder for root makes ROSTER_DATA_DIR mean two things.
//
// # Access
//
// The server listens on a unix socket only, inside a 0700 folder, with mode 0700 itself, and trusts who can connect:
// its own account and root. There is no password that could leak. Messages of level LOG and above go to slog; texts of
// statements and the details of errors, which hold data, are not logged by the server at all.
//
// # No process outlives us
//
// The kernel sends the server SIGQUIT (immediate shutdown, crash-safe) when our process dies. initdb starts children
// that would survive its own death for a moment, so a tiny watching shell kills its whole process group when the pipe
// to us breaks; the same shell removes the folder of an ephemeral server, and stands in for the kernel's signal on
// systems that have none.
package pgserver
