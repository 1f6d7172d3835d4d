# What both Hive metastores share; sourced with NAME, PORT, DB (Hive's name of the store), DBUSER, JDBC and DRIVER set.
MARK="HiveMetaStore -p $PORT"
HIVE=$SERVERS_HOME/hive

ready() { our_pid >/dev/null && port_open "$PORT"; }

# unpack: the distribution and its libraries, shared by both metastores.
unpack() {
  mkdir -p "$HIVE"
  exec 8>"$HIVE/lock"; flock 8
  maven_copy "$HERE/hive/pom.xml" "$HIVE"
  java_have
  if [ "$(cat "$HIVE/server/stamp" 2>/dev/null)" != "$(cat "$HIVE/lib.stamp")" ]; then
    rm -rf "$HIVE/server"; mkdir -p "$HIVE/server"
    tar -xzf "$HIVE"/lib/hive-standalone-metastore-*-bin.tar.gz -C "$HIVE/server" --strip-components=1
    cp "$HIVE/lib.stamp" "$HIVE/server/stamp"
  fi
  exec 8>&-
}

property() { printf '  <property><name>%s</name><value>%s</value></property>\n' "$1" "$2"; }

start() {
  unpack
  mkdir -p "$BASE/conf" "$BASE/warehouse" "$BASE/tmp"
  {
    echo '<configuration>'
    property metastore.thrift.uris "thrift://127.0.0.1:$PORT"
    property metastore.thrift.bind.host 127.0.0.1
    property metastore.warehouse.dir "file://$BASE/warehouse"
    property javax.jdo.option.ConnectionURL "$JDBC"
    property javax.jdo.option.ConnectionDriverName "$DRIVER"
    property javax.jdo.option.ConnectionUserName "$DBUSER"
    property javax.jdo.option.ConnectionPassword none
    property metastore.task.threads.always org.apache.hadoop.hive.metastore.events.EventCleanerTask
    property metastore.expression.proxy org.apache.hadoop.hive.metastore.DefaultPartitionExpressionProxy
    property metastore.transactional.event.listeners org.apache.hive.hcatalog.listener.DbNotificationListener
    property metastore.metastore.event.db.notification.api.auth false
    echo '</configuration>'
  } >"$BASE/conf/metastore-site.xml"
  cat >"$BASE/conf/log4j2.properties" <<'CONF'
appenders = console
appender.console.type = Console
appender.console.name = out
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRefs = out
rootLogger.appenderRef.out.ref = out
CONF
  local java=(java -Xmx"${HIVE_METASTORE_HEAP:-512m}" -XX:+UseSerialGC -Dderby.system.home="$BASE/tmp" -Dderby.stream.error.file="$BASE/derby.log"
    -Dderby.system.durability=test
    --add-opens=java.base/java.lang=ALL-UNNAMED --add-opens=java.base/java.net=ALL-UNNAMED --add-opens=java.base/java.util=ALL-UNNAMED
    --add-opens=java.base/java.util.concurrent=ALL-UNNAMED --add-opens=java.base/java.nio=ALL-UNNAMED
    -cp "$BASE/conf:$HIVE/server/lib/*:$HIVE/lib/*")
  if ! has_schema; then
    say "making its schema"
    METASTORE_HOME=$HIVE/server "${java[@]}" org.apache.hadoop.hive.metastore.tools.MetastoreSchemaTool \
      -dbType "$DB" -initSchema -userName "$DBUSER" -passWord none >"$BASE/schema.log" 2>&1 \
      || { tail -n 30 "$BASE/schema.log" >&2; die "its schema was not made"; }
    schema_made
  fi
  launch "${java[@]}" org.apache.hadoop.hive.metastore.HiveMetaStore -p "$PORT"
  wait_ready
}
stop() { stop_by_pid; }
