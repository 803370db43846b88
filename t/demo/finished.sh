#!/bin/sh
# nginx runs this for each finished file, as notify in nginx.conf says, and
# writes to its error log what this prints.  If it exits with
# something other than 0 it is run again.

echo "finished: $RECORDING_FORMAT, $RECORDING_DURATION s," \
     "$RECORDING_SIZE bytes, $RECORDING_URL"
