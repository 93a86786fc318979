// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Database names a kind of database for Airflow to run on.
type Database string

// The databases.
const (
	AnyDatabase Database = "" // PostgreSQL where the machine has it, else SQLite
	PostgreSQL  Database = "PostgreSQL"
	// SQLite lets one request write at a time: eight at once hold each other
	// for 20 s and end in 500, "database is locked". Airflow 2 cannot load
	// DAGs on it as a scheduler would, so there a broken or retired DAG of
	// the folder is as it was before.
	SQLite Database = "SQLite"
)

// database is one kind, found on this machine. Its files live in a folder that
// can be copied while it is closed.
type database interface {
	fmt.Stringer // with the version that decides who can read its files: PostgreSQL 15
	// create makes an empty database in a folder that is not there yet.
	create(ctx context.Context, folder string) error
	// open makes the database of a folder ready, until stop, and tells its SQLAlchemy URL.
	open(ctx context.Context, folder string) (url string, stop func() error, err error)
}

// findDatabase returns the kind that is wanted, saying so where it is not the one to be wished for.
func (b *builder) findDatabase(ctx context.Context, wanted Database) (database, error) {
	switch wanted {
	case SQLite:
		return sqlite{}, nil
	case AnyDatabase, PostgreSQL:
	default:
		return nil, fmt.Errorf("unknown database %q: choose %s or %s", wanted, PostgreSQL, SQLite)
	}
	found, err := findPostgres(ctx, b.supervisor, lookPathOfSystem, debianPostgres)
	if missing := (*MissingError)(nil); errors.As(err, &missing) && wanted == AnyDatabase {
		b.report(err.Error() + "; going on with SQLite, which takes one write at a time")
		return sqlite{}, nil
	}
	return found, err
}

type sqlite struct{}

func (sqlite) String() string { return string(SQLite) }

func (sqlite) create(_ context.Context, folder string) error { return os.Mkdir(folder, 0o700) }

func (sqlite) open(_ context.Context, folder string) (string, func() error, error) {
	return "sqlite:///" + filepath.Join(folder, "airflow.db"), func() error { return nil }, nil
}
