# Writes to the database of each owner and reads it back; is refused what is not its own.
set -eu
password() { cat "/run/secrets/client/$1"; }
query() { PGPASSWORD=$2 psql -h postgres -U "$1" -d "$3" -tAq -v ON_ERROR_STOP=1; }
refused() {
  echo 'SELECT 1;' | query "$1" "$2" "$3" 2>&1 | grep -q "$4" || { echo "$1 was not refused at the database $3: $4" >&2; exit 1; }
}

for owner in airflow mlflow; do
  answer=$(query "$owner" "$(password "$owner")" "$owner" <<<"
    CREATE TABLE probe (answer integer);
    INSERT INTO probe VALUES (42);
    SELECT answer FROM probe;
    DROP TABLE probe;")
  [ "$answer" = 42 ] || { echo "$owner read '$answer'" >&2; exit 1; }
  refused "$owner" wrong "$owner" 'password authentication failed'
done
refused mlflow "$(password mlflow)" airflow 'permission denied for database'
