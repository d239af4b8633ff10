import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serializer;

/** Answers each job, a JSON line of standard input, with what the serializer that it names makes of a record. */
class Serializers {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HexFormat HEX = HexFormat.of();
    private static final Map<String, Serializer<Object>> MADE = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null; ) {
            System.out.println(JSON.writeValueAsString(answer(JSON.readTree(line))));
        }
    }

    private static ObjectNode answer(JsonNode job) throws Exception {
        byte[] payload = HEX.parseHex(job.get("payload_hex").asText());
        if (job.get("class").asText().equals("BlockingBinaryEncoder")) {
            return JSON.createObjectNode().put("value_hex", HEX.formatHex(inBlocks(schema(job), payload)));
        }
        Object data = switch (job.get("format").asText()) {
            case "avro" -> avro(schema(job), payload);
            case "protobuf" -> DynamicMessage.parseFrom(message(job), payload);
            default -> json(job, payload);
        };
        RecordHeaders headers = new RecordHeaders();
        byte[] value = serializer(job).serialize(job.get("topic").asText(), headers, data);
        ObjectNode answer = JSON.createObjectNode().put("value_hex", HEX.formatHex(value));
        for (Header header : headers) {
            answer.withArray("headers").addArray().add(header.key()).add(HEX.formatHex(header.value()));
        }
        return answer;
    }

    /** One for all jobs with the same settings: it keeps what it has registered. */
    @SuppressWarnings("unchecked")
    private static Serializer<Object> serializer(JsonNode job) throws Exception {
        String settings = job.get("class") + " " + job.get("settings");
        if (!MADE.containsKey(settings)) {
            Class<?> type = Class.forName(job.get("class").asText());
            Serializer<Object> made = (Serializer<Object>) type.getConstructor().newInstance();
            made.configure(JSON.convertValue(job.get("settings"), Map.class), false);
            MADE.put(settings, made);
        }
        return MADE.get(settings);
    }

    private static Schema schema(JsonNode job) {
        Schema.Parser parser = new Schema.Parser();
        job.get("references").forEach(reference -> parser.parse(reference.get("schema").asText()));
        return parser.parse(job.get("schema").asText());
    }

    private static Object avro(Schema schema, byte[] payload) throws Exception {
        return new GenericDatumReader<>(schema).read(null, DecoderFactory.get().binaryDecoder(payload, null));
    }

    /** Arrays and maps in many blocks, each with its size in bytes. */
    private static byte[] inBlocks(Schema schema, byte[] payload) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        BinaryEncoder encoder = new EncoderFactory().configureBlockSize(64).blockingBinaryEncoder(out, null);
        new GenericDatumWriter<>(schema).write(avro(schema, payload), encoder);
        encoder.flush();
        return out.toByteArray();
    }

    /** Glue's serializer takes JSON text with its schema, in a class of its own. */
    private static Object json(JsonNode job, byte[] payload) throws Exception {
        if (!job.get("class").asText().startsWith("com.amazonaws.")) {
            return JSON.readTree(payload);
        }
        Class<?> type = Class.forName("com.amazonaws.services.schemaregistry.serializers.json.JsonDataWithSchema");
        Object builder = type.getMethod("builder", String.class, String.class)
                .invoke(null, job.get("schema").asText(), new String(payload, StandardCharsets.UTF_8));
        return builder.getClass().getMethod("build").invoke(builder);
    }

    private static Descriptor message(JsonNode job) throws Exception {
        Map<String, FileDescriptor> files = new HashMap<>();
        for (FileDescriptorProto file : FileDescriptorSet.parseFrom(job.get("descriptors").binaryValue()).getFileList()) {
            List<FileDescriptor> imported = new ArrayList<>();
            file.getDependencyList().forEach(name -> imported.add(files.get(name)));
            files.put(file.getName(), FileDescriptor.buildFrom(file, imported.toArray(FileDescriptor[]::new)));
        }
        String name = job.get("message").asText();
        return files.values().stream()
                .flatMap(file -> file.getMessageTypes().stream())
                .flatMap(Serializers::withNested)
                .filter(message -> message.getFullName().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static Stream<Descriptor> withNested(Descriptor message) {
        return Stream.concat(Stream.of(message), message.getNestedTypes().stream().flatMap(Serializers::withNested));
    }
}
