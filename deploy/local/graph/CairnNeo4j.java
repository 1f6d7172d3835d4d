import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;

/** Starts Neo4j's database management service with its Bolt listener: the packages bring no program of their own. */
public class CairnNeo4j {
    public static void main(String[] args) throws Exception {
        Path home = Path.of(args[0]).toAbsolutePath();
        var service = new DatabaseManagementServiceBuilder(home)
                .loadPropertiesFromFile(home.resolve("conf/neo4j.conf"))
                .build();
        var stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> { service.shutdown(); stopped.countDown(); }));
        System.out.println("Started.");
        stopped.await();
    }
}
