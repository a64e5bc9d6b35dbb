package dbservers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// grant lets the tests in: with skip-name-resolve, root@localhost is not who comes by TCP.
const grant = "CREATE USER 'test'@'127.0.0.1' IDENTIFIED BY 'test';\nGRANT ALL ON *.* TO 'test'@'127.0.0.1' WITH GRANT OPTION;\n"

func mariadbProgram(name, other string) (string, error) {
	for _, candidate := range []string{name, "/usr/sbin/" + name, other} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: MariaDB (%s)", ErrMissing, name)
}

func startMariaDB() (*server, error) {
	install, err := mariadbProgram("mariadb-install-db", "mysql_install_db")
	if err != nil {
		return nil, err
	}
	daemon, err := mariadbProgram("mariadbd", "mysqld")
	if err != nil {
		return nil, err
	}
	folder, user, err := newFolder("nobody")
	if err != nil {
		return nil, err
	}
	data, first := filepath.Join(folder, "data"), filepath.Join(folder, "init.sql")
	err = run(user, install, "--no-defaults", "--datadir="+data, "--tmpdir="+folder, "--auth-root-authentication-method=normal", "--skip-test-db")
	if err == nil {
		err = os.WriteFile(first, []byte(grant), 0o644) //nolint:gosec // the server reads it under another user
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	port, err := freePort()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	p, err := start(user, daemon, "--no-defaults", "--datadir="+data, "--tmpdir="+folder, "--bind-address=127.0.0.1", "--port="+strconv.Itoa(port),
		"--socket="+filepath.Join(folder, "s.sock"), "--pid-file="+filepath.Join(folder, "p.pid"), "--skip-name-resolve",
		"--init-file="+first, "--innodb-buffer-pool-size=64M", "--performance-schema=OFF", "--character-set-server=utf8mb4",
		"--collation-server=utf8mb4_bin", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0",
		"--innodb-log-file-size=16M", "--max-connections=400")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	s := &server{process: p, folder: folder, driver: "mysql", system: "mysql", create: "CREATE DATABASE", drop: "DROP DATABASE"}
	s.dsn = func(database string) string {
		return fmt.Sprintf("test:test@tcp(127.0.0.1:%d)/%s?parseTime=true&clientFoundRows=true", port, database)
	}
	s.shell = func(database string) shell {
		return shell{
			program: "mariadb", args: []string{"--no-defaults", "-h127.0.0.1", "-P" + strconv.Itoa(port), "-utest", database}, env: "MYSQL_PWD=test",
		}
	}
	if err := s.ready(); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}
