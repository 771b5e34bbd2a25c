package pgserver

import "strings"

// serverArgs are the server's arguments. All settings are given here and none in the cluster's files, so that they are
// the same for a cluster of any age.
func serverArgs(cluster, socketDir string, ephemeral bool) []string {
	args := []string{"-D", cluster}
	for _, setting := range settings(socketDir, ephemeral) {
		args = append(args, "-c", setting)
	}
	return args
}

func settings(socketDir string, ephemeral bool) []string {
	list := []string{
		"listen_addresses=",
		"port=" + port,
		`unix_socket_directories="` + strings.ReplaceAll(socketDir, `"`, `""`) + `"`,
		"unix_socket_permissions=0700",
		"ssl=off",

		"shared_buffers=128MB",
		"deadlock_timeout=100ms",
		"timezone=UTC",
		"log_timezone=UTC",

		// To our log, without data: errors go to the client that made them, which has them in full.
		"log_destination=stderr",
		"logging_collector=off",
		"log_line_prefix=",
		"log_min_messages=log",
		"log_min_error_statement=panic",
		"log_error_verbosity=terse",
		"log_statement=none",
		"log_min_duration_statement=-1",
		"log_parameter_max_length_on_error=0",
		"log_checkpoints=off",
		"log_autovacuum_min_duration=-1",
	}
	if ephemeral {
		return append(list,
			"max_connections=300",
			"fsync=off",
			"synchronous_commit=off",
			"full_page_writes=off",
			"wal_level=minimal",
			"max_wal_senders=0",
			"checkpoint_timeout=1h",
			"max_wal_size=4GB",
		)
	}
	return append(list,
		"max_connections=100",
		"fsync=on",
		"synchronous_commit=on",
		"full_page_writes=on",
	)
}
