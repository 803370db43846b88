
/*
 * A catalogue in memory, for unit tests of statements: the tables as the
 * engine makes them, with a path_hash() that tells nothing.
 */


#include "ngx_recording_catalogue_sql.h"
#include <sqlite3.h>


static void
memory_hash(sqlite3_context *ctx, int n, sqlite3_value **values)
{
    sqlite3_result_int64(ctx, 0);
}


/* opens it; without one the test ends */

static sqlite3 *
memory_catalogue(void)
{
    sqlite3                           *db;
    const ngx_recording_sql_schema_t  *schema;

    schema = &ngx_recording_catalogue_sql_schema;

    if (sqlite3_open(":memory:", &db) != SQLITE_OK
        || sqlite3_create_function(db, "path_hash", 1, SQLITE_UTF8, NULL,
                                   memory_hash, NULL, NULL)
           != SQLITE_OK
        || sqlite3_exec(db, schema->tables, NULL, NULL, NULL) != SQLITE_OK)
    {
        printf("Bail out! %s\n", sqlite3_errmsg(db));
        exit(1);
    }

    return db;
}
